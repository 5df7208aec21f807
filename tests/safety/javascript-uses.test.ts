import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createJavaScriptAnalyzer } from '../../src/adapters/analyzer/javascript.ts'
import { sourceText } from '../../src/adapters/analyzer/source-text.ts'
import { fileKind } from '../../src/domain/safety/language.ts'

/**
 * Each corpus file holds snippets, headed by `// === name` or `// === name | file name`. A line with `//> A B` has
 * just the uses A and B; `A@3` puts the use on line 3 of the snippet instead.
 */
const corpus = join(import.meta.dirname, 'corpus')
const wanted = { direct: 1, alias: 0.95, obfuscated: 0.9, benign: 1 }
const analyzer = createJavaScriptAnalyzer()
const table: Record<string, { snippets: number; uses: number; found: number; 'false alarms': number }> = {}

function usesOf(path: string, source: string): string[] {
  const { language } = fileKind(path, Buffer.from(source))
  const text = sourceText(source)
  const { uses, faults } = analyzer.analyze(path, source, language ?? 'JAVASCRIPT')
  expect(faults).toEqual([])
  return uses.map(({ capability, offset }) => `${text.position(offset).line} ${capability}`).sort()
}

function labelsOf(source: string): string[] {
  const labels = source.split('\n').flatMap((line, index) => {
    const marked = line.split('//>')[1]?.trim().split(/\s+/) ?? []
    return marked.map((label) => {
      const [capability, at] = label.split('@')
      return `${at ?? index + 1} ${capability}`
    })
  })
  return labels.sort()
}

/** What is in `left` more often than in `right`. */
function without(left: readonly string[], right: readonly string[]): string[] {
  const open = [...right]
  return left.filter((item) => {
    const at = open.indexOf(item)
    if (at !== -1) open.splice(at, 1)
    return at === -1
  })
}

for (const [kind, share] of Object.entries(wanted)) {
  describe(`uses in ${kind}`, () => {
    const row = { snippets: 0, uses: 0, found: 0, 'false alarms': 0 }
    table[kind] = row
    const snippets = readFileSync(join(corpus, `${kind}.js.txt`), 'utf8')
      .split(/^\/\/ === /m)
      .slice(1)
    test.each(snippets.map((snippet) => [snippet.split('\n')[0] ?? '', snippet] as const))('%s', (title, snippet) => {
      const source = snippet.slice(title.length + 1)
      const labels = labelsOf(source)
      const uses = usesOf(title.split(' | ')[1] ?? 'a.js', source)
      row.snippets += 1
      row.uses += labels.length
      row.found += labels.length - without(labels, uses).length
      row['false alarms'] += without(uses, labels).length
      expect(uses).toEqual(labels)
    })
    test('as many are found as there have to be', () => {
      expect(row.found).toBeGreaterThanOrEqual(row.uses * share)
      expect(row['false alarms']).toBe(0)
    })
  })
}

afterAll(() => console.table(table))
