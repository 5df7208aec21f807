import type { Class, Function as FunctionNode, Node } from '@babel/types'

export type { Class, FunctionNode, Node }

/** Parts of a node that are types, places or notes, and no code. */
const passive = new Set([
  ...['loc', 'extra', 'errors', 'comments', 'leadingComments', 'trailingComments', 'innerComments', 'interpreter'],
  ...['typeAnnotation', 'typeParameters', 'typeArguments', 'returnType', 'superTypeParameters', 'superTypeArguments'],
  ...['implements', 'predicate', 'variance', 'directives', 'assertions', 'mixins', 'objectType'],
])

/** Nodes of TypeScript and Flow that leave code behind when their types are taken away. */
const typedCode = new Set([
  ...['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression', 'TSTypeAssertion', 'TSInstantiationExpression'],
  ...['TSExportAssignment', 'TSImportEqualsDeclaration', 'TSExternalModuleReference', 'TSParameterProperty'],
  ...['TSEnumDeclaration', 'TSEnumBody', 'TSEnumMember', 'TSModuleDeclaration', 'TSModuleBlock', 'TypeCastExpression'],
])
const flowTypes = /^(?:Declare|Interface|TypeAlias|OpaqueType|TypeAnnotation|TypeParameter|Enum|.*TypeAnnotation$)/

/** The nodes directly below one, in the order of the source, without those that are types only. */
export function childrenOf(node: Node): Node[] {
  const children: Node[] = []
  for (const [key, value] of Object.entries(node)) {
    if (typeof value !== 'object' || value === null || passive.has(key)) continue
    if (Array.isArray(value)) for (const item of value) if (isCode(item)) children.push(item)
    if (isCode(value)) children.push(value)
  }
  return children
}

function isCode(value: unknown): value is Node {
  if (typeof value !== 'object' || value === null || !('type' in value)) return false
  const node = value as Node & { declare?: boolean | null; importKind?: string | null; exportKind?: string | null }
  const { type } = node
  if (type.startsWith('TS') ? !typedCode.has(type) : flowTypes.test(type)) return false
  if (node.declare === true) return false
  return node.importKind !== 'type' && node.importKind !== 'typeof' && node.exportKind !== 'type'
}

export function isFunction(node: Node): node is FunctionNode {
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
    case 'ObjectMethod':
    case 'ClassMethod':
    case 'ClassPrivateMethod':
      return true
    default:
      return false
  }
}

export function isClass(node: Node): node is Class {
  return node.type === 'ClassDeclaration' || node.type === 'ClassExpression'
}

/** Where the expression begins, with the parentheses around it. */
export function startOf(node: Node): number {
  const paren = node.extra?.parenStart
  return typeof paren === 'number' ? paren : (node.start ?? 0)
}

/** The expression inside types, `await` and the like that leave its value as it is; null for any other node. */
export function wrappedBy(node: Node): Node | null {
  switch (node.type) {
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'TSNonNullExpression':
    case 'TSTypeAssertion':
    case 'TSInstantiationExpression':
    case 'TypeCastExpression':
    case 'ParenthesizedExpression':
      return node.expression
    case 'AwaitExpression':
      return node.argument
    case 'SequenceExpression':
      return node.expressions.at(-1) ?? null
    default:
      return null
  }
}
