import type { Capability } from '../../domain/ports/code-analyzer.ts'
import { nameOf } from './python-bindings.ts'
import type { ArgumentCondition } from './python-rules.ts'
import type { Evaluator } from './python-values.ts'
import type { RuleIndex } from './rule-index.ts'
import type { SyntaxNode } from './syntax-tree.ts'

/** A use of a capability, at an offset of the source. */
export interface Use {
  readonly capability: Capability
  readonly symbol: string
  readonly offset: number
}

/** A name computed in a way that cannot be followed, taken from a module where it matters. */
export interface ComputedName {
  readonly module: string
  readonly offset: number
}

const wrappers = new Set([
  'parenthesized_expression',
  'await',
  'conditional_expression',
  'boolean_operator',
  'named_expression',
])
/** Places where a function is only looked at. */
const inspections = new Set([
  ...['attribute', 'subscript', 'type', 'comparison_operator', 'not_operator', 'except_clause', 'delete_statement'],
  ...['if_statement', 'elif_clause', 'while_statement', 'assert_statement', 'interpolation', 'format_expression'],
  ...['case_pattern', 'global_statement', 'if_clause', 'augmented_assignment', 'generic_type', 'union_type'],
])
const inspectors = new Set([
  'isinstance',
  'issubclass',
  'callable',
  'hasattr',
  'id',
  'repr',
  'type',
  'getattr',
  'setattr',
  'vars',
])
const guarded = new Set(['os', 'subprocess', 'builtins', 'importlib', 'pickle', 'marshal', 'pty', 'shutil'])

/**
 * The uses along one chain that begins at a name: `os`, `os.popen`, `os.popen(...)`, ...
 * `isAlias` says whether an assignment only gives the function another name, whose own uses are found where they are.
 */
export function usesAlong(
  start: SyntaxNode,
  evaluator: Evaluator,
  rules: RuleIndex,
  isAlias: (target: SyntaxNode) => boolean,
): readonly Use[] {
  const uses: Use[] = []
  for (let node: SyntaxNode | null = start; node !== null; node = nextInChain(node)) {
    if (wrappers.has(node.parent?.kind ?? '') && nextInChain(node) !== null) continue
    for (const symbol of evaluator.valuesOf(node)) {
      if (typeof symbol !== 'string') continue
      const matching = rules.rulesFor(symbol)
      if (matching.length === 0) continue
      const call = node.parent?.kind === 'call' && node.parent.field('function') === node ? node.parent : null
      if (call === null && !matching.some(({ onRead }) => onRead) && !isHandedOn(node, isAlias)) continue
      for (const rule of matching) {
        if (rule.when !== undefined && !holds(rule.when, call, evaluator)) continue
        uses.push({ capability: rule.capability, symbol: symbol.replace(/^builtins\./, ''), offset: node.start })
      }
    }
  }
  return uses
}

function nextInChain(node: SyntaxNode): SyntaxNode | null {
  const above = node.parent
  switch (above?.kind) {
    case 'attribute':
      return above
    case 'call':
      return above.field('function') === node ? above : null
    case 'subscript':
    case 'named_expression':
      return above.field('value') === node ? above : null
    case 'conditional_expression':
      return above.children[1] === node ? null : above
    case 'pair':
      return above.parent
    case 'parenthesized_expression':
    case 'await':
    case 'boolean_operator':
    case 'binary_operator':
    case 'list':
    case 'tuple':
    case 'set':
    case 'lambda':
      return above
    default:
      return null
  }
}

function isHandedOn(node: SyntaxNode, isAlias: (target: SyntaxNode) => boolean): boolean {
  const above = node.parent
  if (above === null || inspections.has(above.kind) || isInUnionType(above)) return false
  if (above.kind === 'expression_statement') return node.kind === 'call'
  if (above.kind === 'argument_list') {
    const callee = above.parent?.field('function')
    return !(callee?.kind === 'identifier' && inspectors.has(nameOf(callee)))
  }
  const target = aliasTarget(node)
  return target === null || !isAlias(target)
}

/** `socket.socket | None` in an annotation. */
function isInUnionType(above: SyntaxNode): boolean {
  let node: SyntaxNode | null = above
  while (node?.kind === 'binary_operator') node = node.parent
  return node !== above && node?.kind === 'type'
}

/** The name that an assignment gives to just this value. */
function aliasTarget(node: SyntaxNode): SyntaxNode | null {
  const above = node.parent
  if (above?.kind === 'assignment' && above.field('right') === node) {
    const target = above.field('left')
    return target?.kind === 'identifier' ? target : null
  }
  const isDisplay = above?.kind === 'expression_list' || above?.kind === 'tuple'
  const assignment = isDisplay ? above.parent : null
  const targets = assignment?.kind === 'assignment' ? assignment.field('left') : null
  if (!isDisplay || targets?.children.length !== above.children.length) return null
  if (targets.children.some(({ kind }) => kind === 'list_splat_pattern')) return null
  const target = targets.children[above.children.indexOf(node)]
  return target?.kind === 'identifier' ? target : null
}

function holds(condition: ArgumentCondition, call: SyntaxNode | null, evaluator: Evaluator): boolean {
  if (call === null) return condition.whenUnknown
  const given = call.field('arguments')?.children ?? []
  let position = 0
  let isSpread = false
  for (const argument of given) {
    if (argument.kind === 'keyword_argument') {
      const name = argument.field('name')
      const value = argument.field('value')
      if (name !== null && value !== null && nameOf(name) === condition.keyword)
        return test(condition, value, evaluator)
    } else if (argument.kind === 'list_splat' || argument.kind === 'dictionary_splat') isSpread = true
    else {
      if (!isSpread && position === condition.position) return test(condition, argument, evaluator)
      position += 1
    }
  }
  return isSpread ? condition.whenUnknown : condition.whenAbsent
}

function test(condition: ArgumentCondition, argument: SyntaxNode, evaluator: Evaluator): boolean {
  const known = evaluator.constantOf(argument) ?? literal(argument) ?? (condition.takesNames ? written(argument) : null)
  return known === null ? condition.whenUnknown : condition.matches.test(known)
}

function literal(node: SyntaxNode): string | null {
  return ['integer', 'true', 'false', 'none'].includes(node.kind) ? node.text : null
}

function written(node: SyntaxNode): string | null {
  if (node.kind === 'lambda') return 'lambda'
  const text = node.text.replace(/[\s()]/g, '')
  return /^[\w.]*[A-Z][\w.]*(?:\|[\w.]*[A-Z][\w.]*)*$/.test(text) ? text : null
}

/** `getattr(os, name)`, `vars(os)[name]` and the like, where the name is not known. */
export function computedName(start: SyntaxNode, evaluator: Evaluator): ComputedName | null {
  const call = start.parent
  if (call?.kind === 'call' && call.field('function') === start) {
    const [object, name] = call.field('arguments')?.children ?? []
    const isGetattr = evaluator.valuesOf(start).includes('builtins.getattr')
    if (isGetattr && object !== undefined && name !== undefined) return computed(object, name, call, evaluator)
  }
  for (let node: SyntaxNode | null = start; node !== null; node = nextInChain(node)) {
    const above = node.parent
    const key = above?.kind === 'subscript' && above.field('value') === node ? above.children[1] : undefined
    if (key === undefined || ['slice', 'integer'].includes(key.kind)) continue
    const found = computed(node, key, start, evaluator)
    if (found !== null) return found
  }
  return null
}

function computed(object: SyntaxNode, name: SyntaxNode, at: SyntaxNode, evaluator: Evaluator): ComputedName | null {
  const module = evaluator.valuesOf(object).find((value) => typeof value === 'string' && guarded.has(value))
  return typeof module === 'string' && evaluator.constantOf(name) === null ? { module, offset: at.start } : null
}
