import type { Language } from '../../domain/ports/code-analyzer.ts'
import { argumentsGiven, createFlows, type Flows, isCall, passedToCallback } from './javascript-flows.ts'
import { expressionSource } from './javascript-members.ts'
import { createMemory } from './javascript-memory.ts'
import { createNameTable, type NameTable } from './javascript-names.ts'
import { javascriptRules } from './javascript-rule-table.ts'
import { type JavaScriptRule, javascriptSynonyms } from './javascript-rules.ts'
import { type ParsedJavaScript, parseJavaScript } from './javascript-syntax.ts'
import { createThisResolver } from './javascript-this.ts'
import { isClass, isFunction, type Node } from './javascript-tree.ts'
import { type ComputedName, collectUses, type Use } from './javascript-uses.ts'
import { createEvaluator, type Evaluator, isNamedValue } from './javascript-values.ts'
import { createRuleIndex, type RuleIndex } from './rule-index.ts'

interface JavaScriptAnalysis {
  readonly uses: readonly Use[]
  readonly computedNames: readonly ComputedName[]
  readonly faults: ParsedJavaScript['faults']
  /** False when values go further ways than were followed. */
  readonly isComplete: boolean
  /** Offsets of comments that only a script has, and a module reads as code. */
  readonly htmlComments: readonly number[]
  /** Where the code has identifiers that are spelled like one of these words. */
  identifiers(words: readonly string[]): readonly { readonly name: string; readonly offset: number }[]
}

export interface JavaScriptAnalyzer {
  /** @throws RangeError when the source is nested deeper than the stack allows */
  analyze(path: string, text: string, language: Language): JavaScriptAnalysis
}

/** Expressions that all rounds together may look at, where that allows more than the least number of rounds. */
const affordable = 400_000
const leastRounds = 3

/** Finds what JavaScript and TypeScript source can do, by name. */
export function createJavaScriptAnalyzer(): JavaScriptAnalyzer {
  const rules = createRuleIndex(javascriptRules, javascriptSynonyms)
  return {
    analyze(path, text, language) {
      const { tree, faults } = parseJavaScript(path, text, language)
      if (tree === null)
        return { uses: [], computedNames: [], faults, isComplete: false, htmlComments: [], identifiers: () => [] }
      const names = createNameTable(tree.program)
      const { evaluator, isComplete } = settle(names, rules)
      return {
        ...collectUses(names, evaluator, rules),
        faults,
        isComplete,
        htmlComments: (tree.comments ?? [])
          .map(({ start }) => start ?? 0)
          .filter((start) => text.startsWith('<!--', start) || text.startsWith('-->', start)),
        identifiers: (words) => identifiersIn(tree.program, new Set(words)),
      }
    },
  }
}

/** Also names of properties and of types, which the walk along the code leaves out. */
function identifiersIn(program: Node, words: ReadonlySet<string>): { name: string; offset: number }[] {
  const found: { name: string; offset: number }[] = []
  const stack: unknown[] = [program]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (typeof next !== 'object' || next === null) continue
    if ('name' in next && typeof next.name === 'string' && words.has(next.name)) {
      found.push({ name: next.name, offset: 'start' in next ? Number(next.start) : 0 })
    }
    for (const value of Object.values(next)) stack.push(value)
  }
  return found.sort((a, b) => a.offset - b.offset)
}

/** Follows values from name to name, and through calls into parameters, until there is nothing new. */
function settle(
  names: NameTable,
  rules: RuleIndex<JavaScriptRule>,
): { readonly evaluator: Evaluator; readonly isComplete: boolean } {
  const flows = createFlows()
  const memory = createMemory()
  const thisAt = createThisResolver(names, memory)
  const values = names.nodes.filter(({ type }) => isNamedValue.has(type))
  const mostRounds = Math.max(leastRounds, Math.min(40, Math.floor(affordable / values.length)))
  for (let round = 1; ; round += 1) {
    const evaluator = createEvaluator({ names, rules, flows, memory, thisAt })
    let hasNewFlow = false
    for (const node of values) {
      evaluator.valuesOf(node)
      if (isCall(node)) hasNewFlow = passArguments(node, evaluator, flows) || hasNewFlow
    }
    const progress = memory.nextRound()
    const isFinished = round < leastRounds ? !hasNewFlow && !progress.hasMoreValues : !progress.hasMoreNames
    if (isFinished || round >= mostRounds) {
      return { evaluator: createEvaluator({ names, rules, flows, memory, thisAt }), isComplete: isFinished }
    }
  }
}

function passArguments(
  call: Extract<Node, { type: `${string}Expression` }>,
  evaluator: Evaluator,
  flows: Flows,
): boolean {
  if (!isCall(call)) return false
  let isNew = false
  const given = argumentsGiven(call)
  const isPlatform = (argument: Node) => evaluator.valuesOf(argument).some((value) => typeof value === 'string')
  for (const callable of evaluator.valuesOf(call.callee)) {
    if (typeof callable === 'string' || callable.type === 'instance') continue
    const owners = isFunction(callable) ? [callable] : isClass(callable) ? constructorsOf(callable) : []
    for (const owner of owners) {
      for (const [position, argument] of given.entries()) {
        if (evaluator.valuesOf(argument).length === 0 && evaluator.constantsOf(argument) === null) continue
        isNew = flows.pass(owner, position, expressionSource(argument), isPlatform(argument)) || isNew
      }
    }
  }
  const passed = passedToCallback(call)
  if (passed === null) return isNew
  for (const callback of call.arguments.flatMap((argument) => evaluator.valuesOf(argument))) {
    if (typeof callback === 'string' || callback.type === 'instance' || !isFunction(callback)) continue
    isNew = flows.pass(callback, 0, passed, true) || isNew
  }
  return isNew
}

function constructorsOf(node: Extract<Node, { type: 'ClassDeclaration' | 'ClassExpression' }>) {
  return node.body.body.filter((member) => member.type === 'ClassMethod').filter(({ kind }) => kind === 'constructor')
}
