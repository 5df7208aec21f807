import { nameOf } from './python-bindings.ts'
import { type Flows, identifierOf, methodsNamed, parameterFor } from './python-flows.ts'
import type { Value } from './python-members.ts'
import { scopeOf } from './python-scopes.ts'
import type { Evaluator } from './python-values.ts'
import type { RuleIndex } from './rule-index.ts'
import type { SyntaxNode } from './syntax-tree.ts'

interface Setting {
  readonly rules: RuleIndex
  readonly flows: Flows
  readonly evaluator: Evaluator
  /** True for names that the source defines as functions or classes somewhere. */
  isDefined(name: string): boolean
}

export interface Spread {
  /** Names that may now stand for something with a rule. */
  readonly names: readonly string[]
  /** Names of attributes that may. */
  readonly attributes: readonly string[]
  /** True when a value was found to go where none was known to go. */
  readonly hasNewFlow: boolean
}

const carriers = new Set([
  'parenthesized_expression',
  'await',
  'boolean_operator',
  'conditional_expression',
  'binary_operator',
])
const displays = new Set([
  'list',
  'tuple',
  'set',
  'expression_list',
  'list_splat',
  'list_comprehension',
  'set_comprehension',
  'generator_expression',
])

/** Passed through by functions as well: they may be unpacked into names on the other side. */
const passing = new Set(['named_expression', 'expression_list', 'tuple'])

/** Follows a value from where it is named to the names, attributes and parameters that get it. */
export function spread(from: SyntaxNode, { rules, flows, evaluator, isDefined }: Setting): Spread {
  const names = new Set<string>()
  const attributes = new Set<string>()
  let hasNewFlow = false

  const isFollowed = (value: Value): boolean =>
    evaluator.leadsSomewhere(value) && (typeof value !== 'string' || rules.rulesFor(value).length === 0)
  const hasValue = (node: SyntaxNode): boolean => evaluator.valuesOf(node).some(evaluator.leadsSomewhere)
  const isWorthFollowing = (node: SyntaxNode): boolean => evaluator.valuesOf(node).some(isFollowed)

  const addTargets = (target: SyntaxNode | null, value: SyntaxNode): void => {
    if (target === null) return
    if (target.kind === 'identifier') {
      names.add(nameOf(target))
      if (scopeOf(target).kind === 'class_definition') store(nameOf(target), value)
    } else if (target.kind === 'attribute') {
      const member = target.field('attribute')
      if (member !== null) store(nameOf(member), value)
    } else if (target.kind !== 'subscript') {
      for (const part of target.children) addTargets(part, value)
    }
  }
  const store = (attribute: string, value: SyntaxNode): void => {
    if (!isWorthFollowing(value)) return
    attributes.add(attribute)
    hasNewFlow = flows.addStored(attribute, value) || hasNewFlow
  }
  const pass = (call: SyntaxNode, argument: SyntaxNode, value: SyntaxNode): void => {
    if (!isWorthFollowing(value)) return
    const callee = call.field('function')
    const called = callee?.kind === 'attribute' ? callee.field('attribute') : callee
    if (called?.kind === 'identifier' && isDefined(nameOf(called))) {
      names.add(nameOf(called))
      if (callee !== called) attributes.add(nameOf(called))
    }
    if (callee === null) return
    const keyword = argument.kind === 'keyword_argument' ? argument.field('name') : null
    const position = call.field('arguments')?.children.indexOf(argument) ?? -1
    for (const callable of evaluator.valuesOf(callee)) {
      if (typeof callable === 'string') continue
      const isClass = callable.kind === 'class_definition'
      const isMethod = callable.kind === 'function_definition' && scopeOf(callable).kind === 'class_definition'
      const bound = isClass || (isMethod && callee.kind === 'attribute') ? 1 : 0
      for (const owner of isClass ? methodsNamed(callable, '__init__') : [callable]) {
        const parameter = parameterFor(owner, { keyword: keyword && nameOf(keyword), position: position + bound })
        const identifier = parameter === null ? null : identifierOf(parameter)
        if (parameter === null || identifier === null) continue
        names.add(nameOf(identifier))
        hasNewFlow = flows.addArgument(parameter, value) || hasNewFlow
      }
    }
  }
  const returnFrom = (statement: SyntaxNode): void => {
    const owner = scopeOf(statement)
    const name = owner.kind === 'function_definition' ? owner.field('name') : null
    if (name === null) return
    names.add(nameOf(name))
    if (scopeOf(owner).kind === 'class_definition') attributes.add(nameOf(name))
  }

  let node = from
  for (let above = node.parent; above !== null; above = node.parent) {
    if (above.kind === 'attribute' || above.kind === 'call' || above.kind === 'subscript') {
      const isHead = above.kind === 'attribute' || above.field(above.kind === 'call' ? 'function' : 'value') === node
      if (!isHead) break
      node = above
      continue
    }
    if (carriers.has(above.kind)) {
      node = above
      continue
    }
    if (!hasValue(node)) break
    switch (above.kind) {
      case 'named_expression':
        addTargets(above.field('name'), node)
        break
      case 'assignment':
        for (let chain: SyntaxNode | null = above; chain?.kind === 'assignment'; chain = chain.parent) {
          addTargets(chain.field('left'), node)
        }
        break
      case 'for_statement':
      case 'for_in_clause':
        addTargets(above.field('left'), node)
        break
      case 'as_pattern':
        addTargets(above.children[1] ?? null, node)
        break
      case 'default_parameter':
      case 'typed_default_parameter':
        addTargets(above.field('name'), node)
        break
      case 'type': {
        const owner = above.parent
        if (owner !== null) addTargets(identifierOf(owner) ?? owner.field('left'), node)
        break
      }
      case 'argument_list':
        if (above.parent?.kind === 'call') pass(above.parent, node, node)
        else addTargets(above.parent?.field('name') ?? null, node)
        break
      case 'keyword_argument':
        if (above.parent?.parent?.kind === 'call') pass(above.parent.parent, above, node)
        break
      case 'return_statement':
      case 'yield':
        if (isWorthFollowing(node)) returnFrom(above)
        break
      default:
        break
    }
    const continues =
      passing.has(above.kind) ||
      (isWorthFollowing(node) && (displays.has(above.kind) || above.kind === 'lambda' || above.kind === 'pair'))
    if (!continues) break
    node = above.kind === 'pair' ? (above.parent ?? above) : above
  }
  return { names: [...names], attributes: [...attributes], hasNewFlow }
}
