import { type Binding, importedModule, nameOf, type ValueSource } from './python-bindings.ts'
import { createFlows } from './python-flows.ts'
import { createNameTable, type NameTable } from './python-names.ts'
import { parseTokens } from './python-parse.ts'
import { pythonRules, pythonSynonyms } from './python-rules.ts'
import { attributeSeeds, builtinSeeds, isModuleOfInterest, trickSymbols } from './python-seeds.ts'
import { spread } from './python-spread.ts'
import type { TokenList } from './python-token-list.ts'
import { tokenize } from './python-tokenizer.ts'
import { ASSIGN, CLASS, DEF, LAMBDA, NAME } from './python-tokens.ts'
import { type ComputedName, computedName, type Use, usesAlong } from './python-uses.ts'
import { createEvaluator, type Evaluator } from './python-values.ts'
import { createRuleIndex, type RuleIndex } from './rule-index.ts'
import type { NodeKind, SyntaxNode } from './syntax-tree.ts'

interface PythonAnalysis {
  readonly uses: readonly Use[]
  readonly computedNames: readonly ComputedName[]
  /** Offsets where what was read is no Python, in order. Without `mustParse`, lines that no capability can be in are not read. */
  readonly errors: readonly number[]
  /** Identifiers that Python reads under another spelling. */
  readonly changedIdentifiers: readonly { readonly written: string; readonly read: string; readonly offset: number }[]
  /** Where the code has identifiers that are spelled like one of these words. */
  identifiers(words: readonly string[]): readonly { readonly name: string; readonly offset: number }[]
}

export interface PythonAnalyzer {
  /** `mustParse`: look for errors also where no name has to do with a capability. */
  analyze(text: string, mustParse: boolean): PythonAnalysis
}

const statementKinds: readonly NodeKind[] = ['import_statement', 'import_from_statement', 'exec_statement']

/** Finds what Python source can do, by name. A use is a call, or the place where a function is handed on. */
export function createPythonAnalyzer(): PythonAnalyzer {
  const rules = createRuleIndex(pythonRules, pythonSynonyms)
  const seeds = builtinSeeds(rules)

  const interests = new Set([...seeds, ...attributeSeeds, 'exec', ...rules.roots, ...trickSymbols])

  return {
    analyze(source, mustParse) {
      // Python ends a line at a lone CR as well.
      const text = source.includes('\r') ? source.replace(/\r(?!\n)/g, '\n') : source
      const tokens = tokenize(text)
      const { identifiers } = tokens
      const isWritten = (name: string) => identifiers.distinct.has(name)
      const changedNames = identifiers.changed
      const isInteresting = [...identifiers.distinct.keys()].some((name) => interests.has(name))
      if (!isInteresting && changedNames.length === 0 && !mustParse) return nothingIn(tokens)

      const tree = parseTokens(tokens)
      if (mustParse) tree.check()
      const module = tree.root
      const statements = module.findAll({ kinds: statementKinds })
      const starModules = statements
        .filter(({ children }) => children.at(-1)?.kind === 'wildcard_import')
        .map(importedModule)
        .filter((name) => name !== null)
      const names = createNameTable(module, starModules)
      const firstNames = [
        ...[...seeds].filter((name) => isWritten('__getattribute__') || isWritten('__code__') || !rareSeeds.has(name)),
        ...statements.flatMap((statement) => boundByImport(statement, rules)),
        ...starModules.flatMap((star) => rules.namesBelow(star)),
      ]
      names.add(firstNames.filter(isWritten), [...attributeSeeds].filter(isWritten))
      const evaluator = settle(names, rules, tokens)
      const collected = collect(names, evaluator, rules, !localReaders.some(isWritten))
      const execs = statements.filter(({ kind }) => kind === 'exec_statement')
      return {
        uses: ordered([
          ...collected.uses,
          ...execs.map(({ start }): Use => ({ capability: 'EVAL_EXEC', symbol: 'exec', offset: start })),
        ]),
        computedNames: collected.computedNames,
        errors: tree.faults,
        changedIdentifiers: changedIn(module, changedNames),
        identifiers: (words) => spelled(module, words),
      }
    },
  }
}

/** What can read a function's local names from elsewhere than the code that names them. */
const localReaders = [
  ...['locals', 'vars', 'dir', 'eval', 'exec', 'execfile', 'compile', 'f_locals', 'stack', 'trace'],
  ...['_getframe', '_current_frames', 'currentframe', 'tb_frame', 'gi_frame', 'cr_frame', 'ag_frame', 'settrace'],
  ...['setprofile', 'breakpoint', 'getinnerframes', 'getouterframes'],
]

/** Names that are everywhere, and matter only for `object.__getattribute__(module, name)` and `type(f.__code__)`. */
const rareSeeds = new Set(['object', 'type'])

function nothingIn(tokens: TokenList): PythonAnalysis {
  const identifiers: PythonAnalysis['identifiers'] = (words) => spelled(parseTokens(tokens).root, words)
  return { uses: [], computedNames: [], errors: [], changedIdentifiers: [], identifiers }
}

function spelled(module: SyntaxNode, words: readonly string[]): { name: string; offset: number }[] {
  return module
    .findAll({ names: words, attributes: words })
    .map(({ text, start }) => ({ name: text, offset: start }))
    .filter(({ name }) => words.includes(name))
}

function changedIn(module: SyntaxNode, names: readonly string[]): PythonAnalysis['changedIdentifiers'] {
  if (names.length === 0) return []
  return module
    .findAll({ names, attributes: names })
    .map((identifier) => ({ written: identifier.text, read: identifier.name, offset: identifier.start }))
    .filter(({ written, read }) => written !== read)
}

/** Names that an import binds to a module or member that rules know. */
function boundByImport(statement: SyntaxNode, rules: RuleIndex): string[] {
  if (statement.kind !== 'import_statement' && statement.kind !== 'import_from_statement') return []
  const module = importedModule(statement)
  if (statement.kind === 'import_from_statement') {
    const root = module?.split('.')[0]
    if (root === undefined || !isModuleOfInterest(rules, root)) return []
  }
  const imported = statement.children.filter((child) => child !== statement.field('module_name'))
  return imported.flatMap((item) => {
    const dotted = item.kind === 'aliased_import' ? item.field('name') : item
    const root = dotted?.children[0]
    if (root === undefined || (module === null && !isModuleOfInterest(rules, nameOf(root)))) return []
    const bound = item.kind === 'aliased_import' ? item.field('alias') : root
    return bound === null ? [] : [nameOf(bound)]
  })
}

/** Names that some `def`, `class` or `name = lambda` gives. */
function definedNames({ kinds, names, count, identifiers }: TokenList): ReadonlySet<string> {
  const defined = new Set<number>()
  for (let token = 0; token < count; token += 1) {
    if (kinds[token] !== NAME) continue
    const before = kinds[token - 1]
    const isNamed = before === DEF || before === CLASS || (kinds[token + 1] === ASSIGN && kinds[token + 2] === LAMBDA)
    if (isNamed) defined.add(names[token] as number)
  }
  return new Set([...defined].map((name) => identifiers.read(name)))
}

/** Follows values from name to name until there is nothing new. */
function settle(names: NameTable, rules: RuleIndex, tokens: TokenList): Evaluator {
  let defined: ReadonlySet<string> | undefined
  const isDefined = (name: string): boolean => {
    defined ??= definedNames(tokens)
    return defined.has(name)
  }
  const flows = createFlows()
  for (;;) {
    const evaluator = createEvaluator({ names, rules, flows })
    const reached = new Set<string>()
    const reachedAttributes = new Set<string>()
    let hasNewFlow = false
    for (const { identifier, role } of names.occurrences) {
      if (role.role === 'bind' && isMethod(role.binding)) {
        hasNewFlow = flows.addStored(nameOf(identifier), role.binding.source.node) || hasNewFlow
      }
      if (role.role !== 'load' && role.role !== 'attribute') continue
      const from = role.role === 'attribute' ? role.expression : identifier
      const result = spread(from, { rules, flows, evaluator, isDefined })
      for (const name of result.names) reached.add(name)
      for (const name of result.attributes) reachedAttributes.add(name)
      hasNewFlow ||= result.hasNewFlow
      // Conditions on arguments may want to know what further names stand for.
      usesAlong(from, evaluator, rules, () => false)
      computedName(from, evaluator)
    }
    const hasNewName = names.add([...reached, ...evaluator.wanted], reachedAttributes)
    if (!hasNewName && !hasNewFlow) return evaluator
  }
}

type Definition = Binding & { readonly source: Extract<ValueSource, { from: 'definition' }> }

function isMethod(binding: Binding): binding is Definition {
  return binding.source.from === 'definition' && binding.scope.kind === 'class_definition'
}

/** `localsAreHidden`: what a function stores in a name of its own, and does not read, goes nowhere. */
function collect(names: NameTable, evaluator: Evaluator, rules: RuleIndex, localsAreHidden: boolean) {
  const loaded = new Set<SyntaxNode>()
  for (const { identifier, role } of names.occurrences) {
    if (role.role === 'bind' && localsAreHidden && names.isLocal(role.binding)) loaded.add(identifier)
    if (role.role !== 'load') continue
    for (const binding of names.resolve(identifier).bindings) loaded.add(binding.identifier)
  }
  const uses: Use[] = []
  const computedNames: ComputedName[] = []
  for (const { identifier, role } of names.occurrences) {
    if (role.role !== 'load' && role.role !== 'attribute') continue
    const from = role.role === 'attribute' ? role.expression : identifier
    uses.push(...usesAlong(from, evaluator, rules, (target) => loaded.has(target)))
    const computed = computedName(from, evaluator)
    if (computed !== null) computedNames.push(computed)
  }
  return { uses, computedNames }
}

function ordered(uses: readonly Use[]): Use[] {
  const distinct = new Map(uses.map((use) => [`${use.offset} ${use.capability} ${use.symbol}`, use]))
  return [...distinct.values()].sort((a, b) => a.offset - b.offset || a.capability.localeCompare(b.capability))
}
