import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { judge, readCorpus, scores, scoreTable, type Verdict } from './corpus.ts'

const corpus = join(import.meta.dirname, 'corpus')
const script = join(import.meta.dirname, '../../scripts/score-corpus.ts')

describe('the analysis of Python on the labelled corpus', () => {
  const leastRecall: Readonly<Record<string, number>> = { direct: 1, alias: 0.95, obfuscated: 0.9, benign: 1 }
  let verdicts: readonly Verdict[]
  beforeAll(() => {
    verdicts = judge(readCorpus(corpus, '.py'))
    console.log(scoreTable(verdicts))
  })

  test('the corpus has snippets of every kind, and labels in all but the benign ones', () => {
    const found = scores(verdicts)
    expect(found.map(({ kind }) => kind).sort()).toEqual(Object.keys(leastRecall).sort())
    expect(found.reduce((sum, { snippets }) => sum + snippets, 0)).toBeGreaterThanOrEqual(150)
    for (const { kind, labels } of found) expect([kind, labels > 0]).toEqual([kind, kind !== 'benign'])
  })

  test.each(Object.entries(leastRecall))('finds enough of what is %s', (kind, least) => {
    const score = scores(verdicts).find((each) => each.kind === kind)
    expect(score?.recall).toBeGreaterThanOrEqual(least)
  })

  test('reports nothing that is not labelled', () => {
    const alarms = verdicts.filter(({ extra }) => extra.length > 0)
    expect(alarms.map(({ snippet, extra }) => `${snippet.file}: ${snippet.name}: ${extra.join(', ')}`)).toEqual([])
  })

  test('every snippet has a name of its own', () => {
    const names = verdicts.map(({ snippet }) => `${snippet.file}: ${snippet.name}`)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })
})

describe('the score of another corpus', () => {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-test-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  const run = (...args: string[]) => execFileSync(process.execPath, [script, ...args], { encoding: 'utf8' })

  test('is told kind by kind, with what was missed and what was a false alarm', () => {
    const file = join(directory, 'direct-mine.py')
    writeFileSync(file, "# === one\neval('1')  #> EVAL_EXEC\n# === two\nprint(1)  #> SOCKET\neval('1')\n")
    expect(JSON.parse(run(file, '--json'))).toEqual([
      { kind: 'direct', snippets: 2, labels: 2, found: 1, recall: 0.5, falseAlarms: 1 },
    ])
    expect(run(directory)).toContain('direct-mine.py: two: missed 1 SOCKET, false alarm 2 EVAL_EXEC')
  })

  test('is told of JavaScript as well', () => {
    writeFileSync(join(directory, 'direct.mjs'), '// === one\neval("1") //> EVAL_EXEC\n')
    expect(JSON.parse(run(directory, '--ext', '.mjs', '--json'))).toMatchObject([{ kind: 'direct', recall: 1 }])
  })

  test('is refused where there is nothing to score', () => {
    const empty = join(directory, 'empty.txt')
    writeFileSync(empty, 'nothing\n')
    expect(() => run(empty)).toThrow(/There is no snippet/)
  })
})
