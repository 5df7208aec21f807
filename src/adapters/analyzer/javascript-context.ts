import { type Call, isCall, methodOf } from './javascript-flows.ts'
import type { NameTable } from './javascript-names.ts'
import { type Node, wrappedBy } from './javascript-tree.ts'
import { followedFunctions } from './javascript-tricks.ts'
import type { Evaluator } from './javascript-values.ts'

/** What happens to a value where it stands. */
export type Context =
  /** It is called; the call is null for a decorator or a template's tag, and what it is given then not known. */
  | { readonly what: 'called'; readonly call: Call | null }
  | { readonly what: 'handed on' }
  /** It only gets another name, or is part of an expression that is looked at by itself. */
  | { readonly what: 'nothing' }

const nothing: Context = { what: 'nothing' }
const handedOn: Context = { what: 'handed on' }

/** Places where a function is only looked at. */
const inspections = new Set([
  ...[
    'ExpressionStatement',
    'UnaryExpression',
    'UpdateExpression',
    'BinaryExpression',
    'IfStatement',
    'TemplateLiteral',
  ],
  ...['WhileStatement', 'DoWhileStatement', 'ForStatement', 'ForInStatement', 'ForOfStatement', 'SwitchStatement'],
  ...['SwitchCase', 'WithStatement', 'ImportDeclaration', 'TSQualifiedName', 'TSImportEqualsDeclaration'],
])

/** Says what is done with the value of an expression. */
export function contextOf(node: Node, names: NameTable, evaluator: Evaluator): Context {
  const above = names.parents.get(node)
  if (above === undefined || inspections.has(above.type) || isCarriedBy(above, node)) return nothing
  switch (above.type) {
    case 'CallExpression':
    case 'OptionalCallExpression':
    case 'NewExpression':
      return inCall(node, above, evaluator)
    case 'TaggedTemplateExpression':
      return above.tag === node ? { what: 'called', call: null } : nothing
    case 'Decorator':
      return { what: 'called', call: null }
    case 'MemberExpression':
    case 'OptionalMemberExpression':
      return nothing
    case 'ClassDeclaration':
    case 'ClassExpression':
      return { what: 'called', call: null }
    case 'ObjectProperty':
      return above.value === node && !isTakenApart(names.parents.get(above), names) ? handedOn : nothing
    case 'ArrayExpression':
      return isTakenApart(above, names) ? nothing : handedOn
    case 'ClassProperty':
    case 'ClassPrivateProperty':
    case 'ClassAccessorProperty':
      return above.value === node ? handedOn : nothing
    case 'VariableDeclarator':
      if (above.id.type !== 'Identifier') return nothing
      return names.isRead(above.id) && !isExported(above, names) ? nothing : handedOn
    case 'AssignmentExpression':
      if (above.right !== node || above.left.type.endsWith('Pattern')) return nothing
      return above.left.type === 'Identifier' && names.isRead(above.left) ? nothing : handedOn
    default:
      return handedOn
  }
}

/** True where the expression around has this value as well, and is looked at itself. */
function isCarriedBy(above: Node, node: Node): boolean {
  if (wrappedBy(above) === node) return true
  if (above.type === 'SequenceExpression') return true
  if (above.type === 'ConditionalExpression') return true
  return above.type === 'LogicalExpression'
}

function inCall(node: Node, call: Call, evaluator: Evaluator): Context {
  const first = call.arguments[0]
  if (call.callee === node) return methodOf(call)?.name === 'bind' ? nothing : { what: 'called', call }
  if (first !== node) return handedOn
  if (evaluator.isTransparent(call)) return nothing
  const isReflected = evaluator
    .valuesOf(call.callee)
    .some((value) => value === 'globalThis.Reflect.apply' || value === 'globalThis.Reflect.construct')
  return isReflected ? { what: 'called', call: null } : handedOn
}

/** `const [run] = [exec]` only gives names. */
function isTakenApart(display: Node | undefined, names: NameTable): boolean {
  if (display === undefined || (display.type !== 'ArrayExpression' && display.type !== 'ObjectExpression')) return false
  const above = names.parents.get(display)
  if (above?.type === 'VariableDeclarator') return above.id.type.endsWith('Pattern') && above.init === display
  return above?.type === 'AssignmentExpression' && above.left.type.endsWith('Pattern')
}

function isExported(declarator: Node, names: NameTable): boolean {
  const declaration = names.parents.get(declarator)
  return declaration !== undefined && names.parents.get(declaration)?.type === 'ExportNamedDeclaration'
}

/** True for a call's callee, an argument and the like: the places that a module can be handed on from. */
export function isHandedToOthers(node: Node, names: NameTable, evaluator: Evaluator): boolean {
  let child = node
  for (let above = names.parents.get(child); above !== undefined; above = names.parents.get(child)) {
    switch (above.type) {
      case 'ObjectProperty':
        if (above.value !== child) return false
        break
      case 'ObjectExpression':
      case 'ArrayExpression':
      case 'SpreadElement':
      case 'ConditionalExpression':
      case 'LogicalExpression':
        break
      case 'ExportDefaultDeclaration':
      case 'TSExportAssignment':
      case 'ExportSpecifier':
        return true
      case 'VariableDeclarator':
        return above.init === child && isExported(above, names)
      case 'AssignmentExpression':
        return above.right === child && (isExports(above.left) || isPrototype(above.left))
      case 'CallExpression':
      case 'OptionalCallExpression':
      case 'NewExpression':
        return above.callee !== child && !isThisOf(above, child, evaluator) && !isKnownCallee(above, evaluator)
      default:
        if (wrappedBy(above) !== child) return false
    }
    child = above
  }
  return false
}

/** `fs.open.call(fs, ...)`: the module goes to its own function. */
function isThisOf(call: Call, child: Node, evaluator: Evaluator): boolean {
  const takesThis = ['call', 'apply', 'bind'].includes(methodOf(call)?.name ?? '')
  return (
    takesThis &&
    call.arguments[0] === child &&
    evaluator.valuesOf(call.callee).some((value) => typeof value === 'string')
  )
}

/** Functions of this file are followed, and what the platform does with a module is known. */
function isKnownCallee(call: Call, evaluator: Evaluator): boolean {
  return (
    evaluator.isTransparent(call) ||
    call.callee.type === 'Super' ||
    evaluator
      .valuesOf(call.callee)
      .some((value) => (typeof value === 'string' ? followedFunctions.has(value) : value.type !== 'instance')) ||
    harmlessReaders.test(firstNameOf(call))
  )
}

const harmlessReaders = /^(?:console|assert|expect|vi|jest|sinon|t)$/

function firstNameOf(call: Call): string {
  const first = methodOf(call)?.object ?? call.callee
  return first.type === 'Identifier' ? first.name : ''
}

function isPrototype(target: Node): boolean {
  return (
    target.type === 'MemberExpression' && target.property.type === 'Identifier' && target.property.name === 'prototype'
  )
}

function isExports(target: Node): boolean {
  if (target.type !== 'MemberExpression') return false
  const { object, property } = target
  if (object.type === 'Identifier' && object.name === 'exports') return true
  const isModule = object.type === 'Identifier' && object.name === 'module'
  return (isModule && property.type === 'Identifier' && property.name === 'exports') || isExports(object)
}

/**
 * True when an expression is a module by way of imports and declarations, and not only because some object somewhere
 * has it in a property of that name, or some call passes it.
 */
export function isModuleItself(node: Node, names: NameTable, evaluator: Evaluator, depth = 0): boolean {
  const isItself = (inner: Node) => depth < 6 && isModuleItself(inner, names, evaluator, depth + 1)
  const inner = wrappedBy(node)
  if (inner !== null) return isItself(inner)
  switch (node.type) {
    case 'Identifier': {
      const binding = names.resolve(node)?.binding
      if (!binding) return true
      return binding.sources.some((source) => {
        if (source.from === 'import') return true
        if (source.from === 'expression') return isItself(source.node)
        const call = names.parents.get(source.owner)
        return call !== undefined && isCall(call) && call.callee === source.owner
      })
    }
    case 'MemberExpression':
    case 'OptionalMemberExpression':
      return isItself(node.object)
    case 'ConditionalExpression':
      return isItself(node.consequent) || isItself(node.alternate)
    case 'LogicalExpression':
      return isItself(node.left) || isItself(node.right)
    case 'AssignmentExpression':
      return isItself(node.right)
    case 'CallExpression':
    case 'OptionalCallExpression':
      return evaluator.isTransparent(node) || evaluator.valuesOf(node.callee).includes('globalThis.require')
    case 'ImportExpression':
      return true
    default:
      return false
  }
}
