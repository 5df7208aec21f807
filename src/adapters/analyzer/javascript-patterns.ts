import type { Step, ValueSource } from './javascript-scopes.ts'
import type { Node } from './javascript-tree.ts'

/** What a pattern's parts are told to. */
export interface PatternVisitor {
  /** A name gets a value; the source is null when nothing can be said of it. */
  name(identifier: Extract<Node, { type: 'Identifier' }>, source: ValueSource | null): void
  /** A property gets one: `this.x`, `a[0]`. */
  member(target: Node, source: ValueSource | null): void
  /** A default or a computed key: code like any other. */
  expression(node: Node): void
  /** A part of a value is taken by a name that is computed. */
  computedKey(key: Node, source: ValueSource): void
}

/** Takes a pattern of a declaration, a parameter or an assignment apart. */
export function visitPattern(pattern: Node, source: ValueSource | null, visitor: PatternVisitor): void {
  switch (pattern.type) {
    case 'Identifier':
      visitor.name(pattern, source)
      return
    case 'ObjectPattern':
      for (const property of pattern.properties) {
        if (property.type === 'RestElement') visitPattern(property.argument, source, visitor)
        else {
          if (property.computed) {
            visitor.expression(property.key)
            if (source !== null) visitor.computedKey(property.key, source)
          }
          visitPattern(property.value, below(source, stepOf(property)), visitor)
        }
      }
      return
    case 'ArrayPattern':
      for (const [index, element] of pattern.elements.entries()) {
        if (element === null) continue
        const isRest = element.type === 'RestElement'
        visitPattern(isRest ? element.argument : element, isRest ? source : below(source, String(index)), visitor)
      }
      return
    case 'AssignmentPattern':
      visitPattern(pattern.left, source, visitor)
      visitPattern(pattern.left, { from: 'expression', node: pattern.right, path: [] }, visitor)
      visitor.expression(pattern.right)
      return
    case 'RestElement':
      visitPattern(pattern.argument, source?.from === 'parameter' ? { ...source, isRest: true } : source, visitor)
      return
    case 'TSParameterProperty':
      visitPattern(pattern.parameter, source, visitor)
      return
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'TSNonNullExpression':
    case 'TSTypeAssertion':
    case 'ParenthesizedExpression':
      visitPattern(pattern.expression, source, visitor)
      return
    case 'MemberExpression':
      visitor.member(pattern, source)
      visitor.expression(pattern)
      return
    default:
      visitor.expression(pattern)
  }
}

/** The source of a part of what another source gives. */
export function below(source: ValueSource | null, step: Step): ValueSource | null {
  return source === null ? null : { ...source, path: [...source.path, step] }
}

/** The key of a property as a step. */
export function stepOf(property: { readonly key: Node; readonly computed?: boolean }): Step {
  const { key } = property
  if (property.computed) return { computed: key }
  return keyName(key) ?? { computed: key }
}

/** A key as it is written; private names keep their mark. */
export function keyName(key: Node): string | null {
  switch (key.type) {
    case 'Identifier':
      return key.name
    case 'StringLiteral':
      return key.value
    case 'NumericLiteral':
      return String(key.value)
    case 'PrivateName':
      return `#${key.id.name}`
    default:
      return null
  }
}
