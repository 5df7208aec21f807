import { type DocumentNode, type FieldNode, Kind, type SelectionSetNode } from 'graphql'

/** A field or selection with the fragments that it stands in. */
interface Standing<Node> {
  readonly node: Node
  readonly within: readonly string[]
}

/**
 * Whether validation would have to compare more than `limit` pairs of fields: those that have one name in one place of
 * an answer must agree in everything, each with each other, and what is in them again. It takes no more steps than ten
 * times that to find out. The document need not be valid.
 */
export const comparesMoreThan = (limit: number, { definitions }: DocumentNode): boolean => {
  const fragments = new Map(
    definitions.flatMap((node) => (node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node]] : [])),
  )
  let pairs = 0
  let steps = 0

  /** Fields by their names in the answer, with each fragment entered once, as it is executed. */
  const merge = (selections: readonly Standing<SelectionSetNode>[]): Iterable<readonly Standing<FieldNode>[]> => {
    const merged = new Map<string, Standing<FieldNode>[]>()
    const entered = new Set<string>()
    const left = [...selections]
    for (let at = left.pop(); at; at = left.pop()) {
      const { within } = at
      for (const node of at.node.selections) {
        steps++
        if (node.kind === Kind.FIELD) {
          const name = (node.alias ?? node.name).value
          const same = merged.get(name)
          if (same) same.push({ node, within })
          else merged.set(name, [{ node, within }])
        } else if (node.kind === Kind.INLINE_FRAGMENT) left.push({ node: node.selectionSet, within })
        else {
          const name = node.name.value
          const fragment = fragments.get(name)
          // One that contains itself is refused by validation.
          if (!fragment || entered.has(name) || within.includes(name)) continue
          entered.add(name)
          left.push({ node: fragment.selectionSet, within: [...within, name] })
        }
      }
    }
    return merged.values()
  }
  const isBeyond = (selections: readonly Standing<SelectionSetNode>[]): boolean => {
    for (const fields of merge(selections)) {
      pairs += (fields.length * (fields.length - 1)) / 2
      if (pairs > limit || steps > limit * 10) return true
      const inner = fields.flatMap(({ node, within }) =>
        node.selectionSet ? [{ node: node.selectionSet, within }] : [],
      )
      if (inner.length > 0 && isBeyond(inner)) return true
    }
    return false
  }
  return definitions.some(
    (node) => 'selectionSet' in node && node.selectionSet && isBeyond([{ node: node.selectionSet, within: [] }]),
  )
}
