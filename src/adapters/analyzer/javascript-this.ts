import type { InstanceOf, Memory } from './javascript-memory.ts'
import type { NameTable } from './javascript-names.ts'
import { isClass, type Node } from './javascript-tree.ts'

/** The classes, instances and objects that `this` is, as far as one file tells; where it is unknown, nothing. */
export function createThisResolver(names: NameTable, memory: Memory): (node: Node) => readonly (Node | InstanceOf)[] {
  const known = new Map<Node, readonly (Node | InstanceOf)[]>()

  const ownerOf = (node: Node): readonly (Node | InstanceOf)[] => {
    const passed: Node[] = []
    let result: readonly (Node | InstanceOf)[] = []
    let child = node
    for (let above = names.parents.get(node); above !== undefined; above = names.parents.get(above)) {
      const settled = known.get(above) ?? boundary(above, child)
      if (settled !== null) {
        result = settled
        break
      }
      passed.push(above)
      child = above
    }
    for (const each of passed) known.set(each, result)
    return result
  }

  /** What `this` is directly below a node; null where that depends on what is around it. */
  const boundary = (above: Node, child: Node): readonly (Node | InstanceOf)[] | null => {
    switch (above.type) {
      case 'ClassBody': {
        const owner = names.parents.get(above)
        if (owner === undefined || !isClass(owner)) return []
        return 'static' in child && child.static ? [owner] : [memory.instance(owner)]
      }
      case 'ObjectExpression':
        return child.type === 'ObjectMethod' ? [above] : null
      case 'FunctionDeclaration':
        return []
      case 'FunctionExpression': {
        const property = names.parents.get(above)
        const holder = property?.type === 'ObjectProperty' ? names.parents.get(property) : undefined
        return holder?.type === 'ObjectExpression' ? [holder] : []
      }
      default:
        return null
    }
  }
  return ownerOf
}
