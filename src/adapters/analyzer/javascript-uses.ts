import type { Capability } from '../../domain/ports/code-analyzer.ts'
import { contextOf, isHandedToOthers, isModuleItself } from './javascript-context.ts'
import { argumentsGiven, type Call } from './javascript-flows.ts'
import type { NameTable } from './javascript-names.ts'
import { keyName } from './javascript-patterns.ts'
import type { JavaScriptRule } from './javascript-rules.ts'
import { isFunction, type Node, startOf } from './javascript-tree.ts'
import { trickSymbols } from './javascript-tricks.ts'
import { type Evaluator, isNamedValue } from './javascript-values.ts'
import type { ArgumentCondition } from './python-rules.ts'
import type { RuleIndex } from './rule-index.ts'

/** A use of a capability, at an offset of the source. */
export interface Use {
  readonly capability: Capability
  readonly symbol: string
  readonly offset: number
}

/** A name computed in a way that cannot be followed, taken from an object where it matters. */
export interface ComputedName {
  readonly object: string
  readonly offset: number
}

export interface Collected {
  readonly uses: readonly Use[]
  readonly computedNames: readonly ComputedName[]
}

/** Where a name that is computed is reported by itself. */
const guarded = new Set(['child_process', 'fs', 'fs.promises', 'process', 'module', 'vm', 'globalThis', 'Deno', 'Bun'])

/** Everything that the code uses, once its values are known. */
export function collectUses(names: NameTable, evaluator: Evaluator, rules: RuleIndex<JavaScriptRule>): Collected {
  const uses: Use[] = []
  const computedNames: ComputedName[] = []
  const report = (capability: Capability, symbol: string, node: Node): void => {
    uses.push({ capability, symbol: symbol.replace(/^globalThis\./, ''), offset: startOf(node) })
  }
  const reportAll = (symbol: string, suffix: string, node: Node): void => {
    for (const capability of rules.capabilitiesBelow(symbol)) report(capability, `${symbol}${suffix}`, node)
  }

  const reportSymbol = (symbol: string, node: Node): void => {
    const matching = rules.rulesFor(symbol)
    if (matching.length === 0) {
      const isModule = rules.leadsToRules(symbol) && !trickSymbols.has(symbol) && !symbol.includes('(')
      if (!isModule || !isModuleItself(node, names, evaluator)) return
      if (isHandedToOthers(node, names, evaluator)) reportAll(symbol, '', node)
      return
    }
    const context = contextOf(node, names, evaluator)
    if (context.what === 'nothing') return
    for (const rule of matching) {
      const call = context.what === 'called' ? context.call : null
      if (context.what === 'handed on' && (rule.countsHandedOn === false || rule.whenText !== undefined)) continue
      if (holds(rule, call, evaluator)) report(rule.capability, symbol, node)
    }
  }

  /** `fs[name]`, `process[name]`, where the name is not known. */
  const reportComputed = (node: Extract<Node, { type: 'MemberExpression' | 'OptionalMemberExpression' }>): void => {
    if (!node.computed || evaluator.constantsOf(node.property) !== null) return
    const objects = evaluator.valuesOf(node.object).filter((value) => typeof value === 'string')
    const above = names.parents.get(node)
    const isTarget = above?.type === 'AssignmentExpression' && above.left === node
    if (isTarget || isIndex(node.property)) return
    const { what } = contextOf(node, names, evaluator)
    const isItself = isModuleItself(node.object, names, evaluator)
    for (const symbol of objects) {
      if (!rules.leadsToRules(symbol) || symbol.includes('(')) continue
      if (!isItself && !(what === 'called' && guarded.has(symbol))) continue
      const isGlobal = symbol === 'globalThis'
      if (guarded.has(symbol) && (what !== 'nothing' || !isGlobal))
        computedNames.push({ object: symbol, offset: startOf(node) })
      if (what === 'nothing' && isLookedAt(node, names)) continue
      if (!isGlobal) reportAll(symbol, '[]', node)
      else if (what === 'called') report('EVAL_EXEC', 'globalThis[]', node)
    }
  }

  const reportImport = (node: Extract<Node, { type: 'ImportExpression' }>): void => {
    for (const rule of rules.rulesFor('import()')) {
      const condition = rule.when
      if (condition !== undefined && test(condition, node.source, evaluator)) report(rule.capability, 'import()', node)
    }
  }

  const reportReexport = (module: string, exported: string | null, node: Node): void => {
    for (const value of evaluator.module(module)) {
      const named = exported === null ? [value] : evaluator.attribute(value, exported)
      for (const symbol of named) {
        if (typeof symbol !== 'string') continue
        const matching = rules.rulesFor(symbol)
        for (const rule of matching) if (holds(rule, null, evaluator)) report(rule.capability, symbol, node)
        if (matching.length === 0 && rules.leadsToRules(symbol)) reportAll(symbol, exported === null ? '.*' : '', node)
      }
    }
  }

  for (const { key, source } of names.computedKeys) {
    if (evaluator.constantsOf(key) !== null) continue
    for (const symbol of evaluator.valuesFrom(source)) {
      if (typeof symbol !== 'string' || !rules.leadsToRules(symbol) || symbol.includes('(')) continue
      if (guarded.has(symbol)) computedNames.push({ object: symbol, offset: startOf(key) })
      if (symbol !== 'globalThis') reportAll(symbol, '[]', key)
    }
  }
  for (const node of names.nodes) {
    if (node.type === 'ExportAllDeclaration') reportReexport(node.source.value, null, node)
    if (node.type === 'ExportNamedDeclaration' && node.source) {
      for (const specifier of node.specifiers) {
        if (specifier.type === 'ExportSpecifier' && specifier.exportKind === 'type') continue
        const local = specifier.type === 'ExportSpecifier' ? keyName(specifier.local) : null
        reportReexport(node.source.value, specifier.type === 'ExportNamespaceSpecifier' ? null : local, specifier)
      }
    }
    if (node.type === 'ImportExpression') reportImport(node)
    if (node.type === 'MemberExpression' || node.type === 'OptionalMemberExpression') reportComputed(node)
    if (!isNamedValue.has(node.type)) continue
    for (const symbol of evaluator.valuesOf(node)) if (typeof symbol === 'string') reportSymbol(symbol, node)
  }
  return { uses: ordered(uses), computedNames }
}

/** A number cannot name a function. */
function isIndex(node: Node): boolean {
  return node.type === 'NumericLiteral' || node.type === 'UpdateExpression'
}

/** True for `typeof fs[name]`, `if (fs[name])` and `fs[name] === f`, but not for `const f = fs[name]`. */
function isLookedAt(node: Node, names: NameTable): boolean {
  const above = names.parents.get(node)
  const takes = ['VariableDeclarator', 'AssignmentExpression', 'LogicalExpression', 'ConditionalExpression']
  const calls = ['CallExpression', 'OptionalCallExpression', 'MemberExpression', 'OptionalMemberExpression']
  return above === undefined || ![...takes, ...calls].includes(above.type)
}

function holds(rule: JavaScriptRule, call: Call | null, evaluator: Evaluator): boolean {
  if (rule.whenText !== undefined) {
    const argument = call === null ? undefined : argumentsGiven(call)[rule.whenText]
    return argument !== undefined && isText(argument, evaluator)
  }
  const { when } = rule
  if (when === undefined) return true
  if (call === null) return when.whenUnknown
  const given = argumentsGiven(call)
  const position = when.position ?? 0
  if (given.slice(0, position + 1).some(({ type }) => type === 'SpreadElement')) return when.whenUnknown
  const argument = given[position]
  if (argument === undefined) return when.whenAbsent
  return when.keyword === null ? test(when, argument, evaluator) : testOption(when, when.keyword, argument, evaluator)
}

function test(condition: ArgumentCondition, argument: Node, evaluator: Evaluator): boolean {
  // A callback stands where the argument has been left out.
  if (isFunction(argument)) return condition.whenAbsent
  const known = evaluator.constantsOf(argument) ?? literal(argument) ?? written(condition, argument)
  return known === null ? condition.whenUnknown : known.some((text) => condition.matches.test(text))
}

function testOption(condition: ArgumentCondition, name: string, argument: Node, evaluator: Evaluator): boolean {
  const options = evaluator.valuesOf(argument).filter((value) => typeof value === 'object')
  const [option] = options
  if (options.length !== 1 || option?.type !== 'ObjectExpression') {
    return isFunction(argument) || argument.type === 'StringLiteral' ? condition.whenAbsent : condition.whenUnknown
  }
  let result = condition.whenAbsent
  for (const property of option.properties) {
    if (property.type === 'SpreadElement' || property.computed) result = condition.whenUnknown
    else if (property.type === 'ObjectProperty' && keyName(property.key) === name) {
      result = test(condition, property.value, evaluator)
    }
  }
  return result
}

function literal(node: Node): readonly string[] | null {
  if (node.type === 'BooleanLiteral') return [String(node.value)]
  if (node.type === 'NullLiteral') return ['null']
  return node.type === 'Identifier' && node.name === 'undefined' ? ['undefined'] : null
}

/** Names such as `fs.constants.O_RDONLY | O_NOFOLLOW`. */
function written(condition: ArgumentCondition, node: Node): readonly string[] | null {
  if (condition.takesNames !== true) return null
  const text = namesIn(node)
  return text === null ? null : [text]
}

function namesIn(node: Node): string | null {
  if (node.type === 'Identifier') return node.name
  if (node.type === 'MemberExpression') {
    const [object, property] = [namesIn(node.object), node.computed ? null : keyName(node.property)]
    return object === null || property === null ? null : `${object}.${property}`
  }
  if (node.type !== 'BinaryExpression' || node.operator !== '|') return null
  const [left, right] = [namesIn(node.left), namesIn(node.right)]
  return left === null || right === null ? null : `${left}|${right}`
}

function isText(node: Node, evaluator: Evaluator): boolean {
  if (node.type === 'StringLiteral' || node.type === 'TemplateLiteral') return true
  if (node.type === 'BinaryExpression' && node.operator === '+') {
    return isText(node.left, evaluator) || isText(node.right, evaluator)
  }
  const known = evaluator.constantsOf(node)
  return known?.some((text) => !/^-?\d*\.?\d+$/.test(text)) ?? false
}

function ordered(uses: readonly Use[]): Use[] {
  const distinct = new Map(uses.map((use) => [`${use.offset} ${use.capability} ${use.symbol}`, use]))
  return [...distinct.values()].sort((a, b) => a.offset - b.offset || a.capability.localeCompare(b.capability))
}
