import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { randomNumbers } from '../../bench/harness/random.ts'
import { parsePython } from '../../src/adapters/analyzer/python-parse.ts'
import { isLong } from '../support/long.ts'
import { hasPython, libraryFiles, readSource } from './python-library.ts'
import { factsOf } from './python-parser-facts.ts'
import { mutated, snippetsOf } from './python-snippets.ts'

const script = join(import.meta.dirname, 'python-parser-facts.py')
const acceptScript = `
import ast, json, sys, warnings
warnings.simplefilter('ignore')
def accepts(source):
    try:
        ast.parse(source)
        return True
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
print(json.dumps([accepts(source) for source in json.load(sys.stdin)]))
`

function run(args: readonly string[], input: string): string {
  return execFileSync('python3', ['-I', '-S', ...args], { input, encoding: 'utf8', maxBuffer: 2 ** 30 }).trim()
}

/** What one list has and the other has not, each as often as it does. */
function differences(theirs: readonly string[], ours: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const fact of theirs) counts.set(fact, (counts.get(fact) ?? 0) + 1)
  for (const fact of ours) counts.set(fact, (counts.get(fact) ?? 0) - 1)
  return [...counts]
    .filter(([, count]) => count !== 0)
    .map(([fact, count]) => `${count > 0 ? 'missing' : 'extra'} ${fact}`)
}

describe.runIf(hasPython)("the parser agrees with Python's own", () => {
  test('on every node, name and place in the standard library', { timeout: 900_000 }, () => {
    const paths = libraryFiles(isLong ? Number.POSITIVE_INFINITY : 150)
    const wrong: Record<string, string[]> = {}
    let compared = 0
    for (let first = 0; first < paths.length; first += 50) {
      const batch = paths.slice(first, first + 50)
      const answers = run([script], batch.join('\n')).split('\n')
      for (const [index, path] of batch.entries()) {
        const theirs: string[] | null = JSON.parse(answers[index] ?? 'null')
        if (theirs === null) continue
        const text = readSource(path)
        const tree = parsePython(text)
        const found = differences(theirs, factsOf(tree.root, text))
        if (found.length > 0 || tree.faults.length > 0) wrong[path] = [...found.slice(0, 5), ...tree.faults.map(String)]
        compared += 1
      }
    }
    expect(wrong).toEqual({})
    expect(compared).toBeGreaterThan(paths.length * 0.98)
  })

  test('on what is Python: nothing legal is refused, and next to nothing illegal accepted', {
    timeout: 300_000,
  }, () => {
    const random = randomNumbers(17)
    const sources = libraryFiles(isLong ? 450 : 60).flatMap((path) =>
      snippetsOf(readSource(path), random, isLong ? 10 : 20),
    )
    const broken = sources.map((source) => mutated(source, random))
    const verdicts: boolean[] = JSON.parse(run(['-c', acceptScript], JSON.stringify(broken)))
    const judged = broken.map((source, index) => {
      const tree = parsePython(source)
      tree.check()
      return { source, isLegal: verdicts[index] === true, isAccepted: tree.faults.length === 0 }
    })
    const legal = judged.filter(({ isLegal }) => isLegal)
    const illegal = judged.filter(({ isLegal }) => !isLegal)
    expect(legal.filter(({ isAccepted }) => !isAccepted).map(({ source }) => source)).toEqual([])
    expect(Math.min(legal.length, illegal.length)).toBeGreaterThan(100)
    // Escapes inside strings are not looked at, bytes next to text neither; and later versions accept more.
    expect(illegal.filter(({ isAccepted }) => isAccepted).length).toBeLessThan(illegal.length * 0.01)
  })
})
