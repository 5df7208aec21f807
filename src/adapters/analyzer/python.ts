import { type Binding, importedModule, nameOf, type ValueSource } from './python-bindings.ts'
import { createFlows } from './python-flows.ts'
import { createNameTable, type NameTable } from './python-names.ts'
import { pythonRules, pythonSynonyms } from './python-rules.ts'
import { attributeSeeds, builtinSeeds, isModuleOfInterest } from './python-seeds.ts'
import { spread } from './python-spread.ts'
import { type ComputedName, computedName, type Use, usesAlong } from './python-uses.ts'
import { createEvaluator, type Evaluator } from './python-values.ts'
import { createRuleIndex, type RuleIndex } from './rule-index.ts'
import { parseSource, type SyntaxNode } from './syntax-tree.ts'

interface PythonAnalysis {
  readonly uses: readonly Use[]
  readonly computedNames: readonly ComputedName[]
  /** Offsets where the parser had to give up, in order; empty as well when nothing in the text made parsing necessary. */
  readonly errors: readonly number[]
  /** Identifiers that Python reads under another spelling. */
  readonly changedIdentifiers: readonly { readonly written: string; readonly read: string; readonly offset: number }[]
}

export interface PythonAnalyzer {
  /** `mustParse`: look for errors even where no word of the text has to do with a capability. */
  analyze(text: string, mustParse: boolean): PythonAnalysis
}

const statementKinds = ['import_statement', 'import_from_statement', 'exec_statement', 'ERROR']
const wordPattern = /[A-Za-z_][A-Za-z0-9_]*/g
const unicodeWordPattern = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{M}\p{N}\p{Pc}]*/gu
const definitionPattern = /\b(?:def|class)[ \t\f\\\r\n]+([^\s(:[]+)|([^\s(=]+)[ \t]*=[ \t]*lambda\b/g

/** Finds what Python source can do, by name. A use is a call, or the place where a function is handed on. */
export function createPythonAnalyzer(): PythonAnalyzer {
  const rules = createRuleIndex(pythonRules, pythonSynonyms)
  const seeds = builtinSeeds(rules)

  return {
    analyze(source, mustParse) {
      // Python ends a line at a lone CR, the parser's comments do not.
      const text = source.replace(/\r(?!\n)/g, '\n')
      const isAscii = !/[^\0-\x7f]/.test(text)
      const words = new Set(text.match(isAscii ? wordPattern : unicodeWordPattern))
      const variants = isAscii ? new Map<string, string[]>() : spellings(words)
      const isWritten = (name: string) => words.has(name) || variants.has(name)
      const hasGetattribute = isWritten('__getattribute__')
      const interesting = [...words, ...variants.keys()].some(
        (word) => seeds.has(word) || attributeSeeds.has(word) || word === 'exec' || isModuleOfInterest(rules, word),
      )
      if (!interesting && variants.size === 0 && !mustParse) return empty

      const module = parseSource('python', text)
      const statements = module.findAll({ kinds: statementKinds, missing: mustParse })
      const starModules = statements
        .filter(({ children }) => children.at(-1)?.kind === 'wildcard_import')
        .map(importedModule)
        .filter((name) => name !== null)
      const names = createNameTable(module, starModules, (name) => [
        ...(words.has(name) ? [name] : []),
        ...(variants.get(name) ?? []),
      ])
      const firstNames = [
        ...[...seeds].filter((name) => hasGetattribute || !rareSeeds.has(name)),
        ...statements.flatMap((statement) => boundByImport(statement, rules)),
        ...starModules.flatMap((star) => rules.namesBelow(star)),
      ]
      names.add(firstNames.filter(isWritten), [...attributeSeeds].filter(isWritten))
      const evaluator = settle(names, rules, text)
      const collected = collect(names, evaluator, rules)
      const execs = statements.filter(({ kind }) => kind === 'exec_statement')
      return {
        uses: ordered([
          ...collected.uses,
          ...execs.map(({ start }): Use => ({ capability: 'EVAL_EXEC', symbol: 'exec', offset: start })),
        ]),
        computedNames: collected.computedNames,
        errors: statements.filter(isFault).map(({ start }) => start),
        changedIdentifiers: changed(module, [...variants.values()].flat()),
      }
    },
  }
}

/** Names that are everywhere, and matter only for `object.__getattribute__(module, name)`. */
const rareSeeds = new Set(['object', 'type'])

const empty: PythonAnalysis = { uses: [], computedNames: [], errors: [], changedIdentifiers: [] }

/** Words that Python reads under another spelling, by that spelling. */
function spellings(words: ReadonlySet<string>): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const word of words) {
    const read = word.normalize('NFKC')
    if (read !== word) found.set(read, [...(found.get(read) ?? []), word])
  }
  return found
}

function changed(module: SyntaxNode, spelled: readonly string[]): PythonAnalysis['changedIdentifiers'] {
  if (spelled.length === 0) return []
  return module
    .findAll({ names: spelled, attributes: spelled })
    .map((identifier) => ({ written: identifier.text, read: nameOf(identifier), offset: identifier.start }))
}

function isFault({ kind, text }: SyntaxNode): boolean {
  return kind === 'ERROR' || text === ''
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

/** Follows values from name to name until there is nothing new. */
function settle(names: NameTable, rules: RuleIndex, text: string): Evaluator {
  let defined: Set<string> | undefined
  const isDefined = (name: string): boolean => {
    defined ??= new Set(
      [...text.matchAll(definitionPattern)].map((match) => (match[1] ?? match[2] ?? '').normalize('NFKC')),
    )
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

function collect(names: NameTable, evaluator: Evaluator, rules: RuleIndex) {
  const loaded = new Set<SyntaxNode>()
  for (const { identifier, role } of names.occurrences) {
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
