import { expect, test } from 'vitest'
import { createPresenter } from '../../src/cli/demo/presenter.ts'
import { renderResult } from '../../src/cli/demo/render-result.ts'
import { createOutput } from '../../src/cli/output.ts'
import { plainStyle } from '../../src/cli/render/style.ts'
import { diffSaying, sprintSaying } from './demo-result.ts'

const show = (text: string) => renderResult(sprintSaying(text), diffSaying(text), plainStyle, 80)

test('a person reads who worked, how it was decided, what it can newly do, and what the tests said', () => {
  const shown = show('words')
  expect(shown).toContain('words (OPENAI words, rehearsal): 3 turns, 5 tool calls, 1.2 s, tests 2/3')
  expect(shown).toContain('words selected by evidence')
  expect(shown).toContain('It can newly do: SUBPROCESS')
  expect(shown).toContain('+ words:3 subprocess.run (SUBPROCESS)')
  expect(shown).toContain('1 issue:')
  expect(shown).toContain('PASSED: 1 of 1 passed, in the bubblewrap sandbox')
  expect(shown).toContain('words (rehearsal)')
})

test('nothing that a model, a test or a file name says acts on the terminal', () => {
  const shown = show('\u001b]52;c;eA==\u0007\u009b2J\rforged \u202e\nPASSED: 9 of 9 passed')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is what is tested.
  expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
})

test('tests without isolation are said to be so, and no tests as well', () => {
  const diff = diffSaying('x')
  const unconfined = diff.latestTestRun && { ...diff.latestTestRun, sandbox: 'none' }
  expect(renderResult(sprintSaying('x'), { ...diff, latestTestRun: unconfined }, plainStyle, 80)).toContain(
    'without isolation',
  )
  expect(renderResult(sprintSaying('x'), { ...diff, latestTestRun: null }, plainStyle, 80)).toContain('nothing was run')
})

const present = (options: { readonly quiet: boolean; readonly json: boolean }) => {
  const written: string[] = []
  const stdout = { write: (text: string) => written.push(text) }
  const output = createOutput({ ...options, stdout, stderr: { write: () => true }, stdin: {} })
  const presenter = createPresenter(output)
  const ids = { projectId: 'p', diffId: 'd' }
  presenter.show({ type: 'project', projectId: 'p', name: 'n', status: 'READY' })
  presenter.show({ type: 'result', ...ids, sprintId: 's', sprint: sprintSaying('x'), diff: diffSaying('x') })
  presenter.show({ type: 'log', text: 'commit 1' })
  presenter.show({ type: 'committed', oid: '1', ...ids })
  presenter.close()
  return written.join('')
}

test('with --quiet only the commit is shown where nobody is asked', () => {
  expect(present({ quiet: true, json: false })).toBe('commit 1\n')
})

test('with --json every event is a line, and the last one names the commit', () => {
  const lines = present({ quiet: false, json: true }).trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line).type)).toEqual(['project', 'result', 'log', 'committed'])
  expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ type: 'committed', oid: '1', projectId: 'p', diffId: 'd' })
})

test('plain lines end with the commit', () => {
  expect(present({ quiet: false, json: false })).toMatch(/commit 1\nCommitted 1\.\n$/)
})
