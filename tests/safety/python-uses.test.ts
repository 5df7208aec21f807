import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { createPythonAnalyzer, type PythonAnalyzer } from '../../src/adapters/analyzer/python.ts'
import { sourceText } from '../../src/adapters/analyzer/source-text.ts'
import { registerLanguages } from '../../src/adapters/analyzer/syntax-tree.ts'

/**
 * Each corpus file holds snippets, headed by `# === name`. A line with `#> A B` has just the uses A and B;
 * `A@3` puts the use on line 3 of the snippet instead.
 */
const corpus = join(import.meta.dirname, 'corpus')
let analyzer: PythonAnalyzer

beforeAll(() => {
  registerLanguages()
  analyzer = createPythonAnalyzer()
})

function usesOf(source: string): string[] {
  const text = sourceText(source)
  return analyzer
    .analyze(source, false)
    .uses.map(({ capability, offset }) => `${text.position(offset).line} ${capability}`)
    .sort()
}

function labelsOf(source: string): string[] {
  const labels = source.split('\n').flatMap((line, index) => {
    const marked = line.split('#>')[1]?.trim().split(/\s+/) ?? []
    return marked.map((label) => {
      const [capability, at] = label.split('@')
      return `${at ?? index + 1} ${capability}`
    })
  })
  return labels.sort()
}

for (const file of readdirSync(corpus).filter((name) => name.endsWith('.py'))) {
  describe(`uses in ${file}`, () => {
    const snippets = readFileSync(join(corpus, file), 'utf8')
      .split(/^# === /m)
      .slice(1)
    for (const snippet of snippets) {
      const [name = '', ...lines] = snippet.split('\n')
      const source = lines.join('\n')
      test(name, () => {
        expect(usesOf(source)).toEqual(labelsOf(source))
      })
    }
  })
}
