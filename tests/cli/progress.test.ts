import { expect, test } from 'vitest'
import type { DemoEvent } from '../../src/cli/demo/demo-event.ts'
import { renderEventLine } from '../../src/cli/demo/event-line.ts'
import { advance, noProgress } from '../../src/cli/demo/progress.ts'
import { renderMessage } from '../../src/cli/demo/render-conversation.ts'
import { renderProgress } from '../../src/cli/demo/render-progress.ts'
import type { Agent } from '../../src/cli/demo/shapes.ts'
import { plainStyle } from '../../src/cli/render/style.ts'
import { widthOf } from '../../src/cli/render/width.ts'

const at = { at: '2026-01-01T00:00:00.000Z', cursor: '1-1' }
const a: Agent = { label: 'A', provider: 'OPENAI', rehearsal: true, modelName: 'rehearsal-openai' }
const b: Agent = { label: 'B', provider: 'ANTHROPIC', rehearsal: false, modelName: 'some-model' }

const phase = (
  phaseId: string,
  kind: string,
  attempt: number,
  status: string,
  summary: string | null = null,
): DemoEvent => ({
  type: 'phase',
  phaseId,
  kind,
  attempt,
  status,
  summary,
  ...at,
})
const tool = (agent: Agent, name: string, isError = false): DemoEvent => ({
  type: 'tool',
  agent,
  tool: name,
  isError,
  ...at,
})
const tests = (
  testRunId: string,
  status: string,
  finished: number,
  passed: number,
  candidate: Agent | null,
  diffId: string | null = null,
  sessionId: string | null = null,
): DemoEvent => ({
  type: 'tests',
  testRunId,
  candidate,
  diffId,
  sessionId,
  status,
  finished,
  total: 3,
  passed,
  sandbox: 'bubblewrap',
  ...at,
})
const tokens = (costUsd: number | null, rehearsal: boolean): DemoEvent => ({
  type: 'tokens',
  agent: 'coder',
  provider: 'OPENAI',
  model: 'm',
  rehearsal,
  inputTokens: 1_000,
  outputTokens: 10,
  costUsd,
  ...at,
})

const after = (...events: readonly DemoEvent[]) => events.reduce(advance, noProgress)
const view = (...events: readonly DemoEvent[]) => renderProgress(after(...events), 1_000, plainStyle).join('\n')

test('candidates are shown with their last tool while their phase runs, and the rehearsal is named', () => {
  const shown = view(
    phase('1', 'CODING', 1, 'RUNNING'),
    tool(b, 'read_file'),
    tool(a, 'edit_file'),
    tool(a, 'run_tests', true),
  )
  expect(shown).toMatch(/● Coding 1/)
  expect(shown).toMatch(/A \(OPENAI rehearsal-openai, rehearsal\)\s+2 calls \(1 err\)\s+run_tests/)
  expect(shown).toMatch(/B \(ANTHROPIC some-model\)\s+1 call\s+read_file/)
  expect(shown.indexOf('A (OPENAI')).toBeLessThan(shown.indexOf('B (ANTHROPIC'))
})

test('an ended phase is one line with what came of it', () => {
  const shown = view(
    phase('1', 'CODING', 1, 'RUNNING'),
    tool(a, 'edit_file'),
    phase('1', 'CODING', 1, 'SUCCEEDED', 'A selected.\nmore'),
  )
  expect(shown).toMatch(/✓ Coding 1\s+A selected\.$/m)
  expect(shown).not.toContain('edit_file')
})

test('a second attempt stands beside the first, and what follows belongs to it', () => {
  const shown = view(
    phase('1', 'VERIFICATION', 1, 'RUNNING'),
    tests('t1', 'FAILED', 3, 2, null),
    phase('1', 'VERIFICATION', 1, 'FAILED', 'The test "x" fails.'),
    phase('2', 'CODING', 2, 'RUNNING'),
    tests('t2', 'RUNNING', 1, 1, a),
  )
  expect(shown).toMatch(/✗ Verification 1\s+The test "x" fails\./)
  expect(shown).toMatch(/● Coding 2/)
  expect(shown).toMatch(/tests 1\/3 done/)
})

test('two test runs of one phase are both shown, each with its last state', () => {
  const shown = view(
    phase('1', 'VERIFICATION', 1, 'RUNNING'),
    tests('t1', 'RUNNING', 1, 1, null),
    tests('t2', 'RUNNING', 2, 1, null),
    tests('t1', 'PASSED', 3, 3, null),
  )
  expect(shown).toContain('tests 2/3 done · tests 3/3 passed')
})

test('tokens and cost add up, and calls without a price are not hidden', () => {
  expect(view(tokens(0.5, false), tokens(0.25, false))).toContain('2 model calls · 2,000 in, 20 out · $0.75')
  expect(view(tokens(0.5, false), tokens(null, true))).toContain(
    '2 model calls (1 rehearsed) · 2,000 in, 20 out · $0.50 + unpriced',
  )
  expect(view(tokens(null, false))).toContain('price unknown')
})

test('an event changes nothing of the progress before it', () => {
  const before = after(phase('1', 'CODING', 1, 'RUNNING'), tool(a, 'read_file'))
  const copy = structuredClone(before)
  advance(before, tool(a, 'edit_file'))
  expect(before).toEqual(copy)
})

test('each event is a plain line that fits, names the rehearsal and carries no control character', () => {
  const hostile: Agent = { ...a, label: '\u001b[2JA' }
  const lines = [
    phase('1', 'CODING', 1, 'FAILED', `${'long '.repeat(40)}\nsecond`),
    tool(hostile, 'rm\u0007'),
    tokens(0, true),
    tests('t', 'PASSED', 3, 3, a),
    { type: 'reconnecting', reason: 'closed\u001b]0;x' } as const,
  ].map((event) => renderEventLine(event, plainStyle, 80) ?? '')
  for (const line of lines.flatMap((text) => text.split('\n'))) {
    expect(widthOf(line)).toBeLessThanOrEqual(80)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is what is tested.
    expect(line).not.toMatch(/[\u0000-\u001f]/)
  }
  expect(lines[1]).toContain('rehearsal')
  expect(lines[2]).toContain('(rehearsal)')
  expect(lines[3]).toContain('candidate A (OPENAI, rehearsal): PASSED 3 of 3 passed')
})

const text = (messageId: string, offset: number, words: string): DemoEvent => ({
  type: 'text',
  messageId,
  agent: 'coder',
  iteration: 2,
  offset,
  text: words,
})

test('what an agent of a session writes is shown as it grows, replaced when a call is made again, and gone when it is said', () => {
  expect(view(text('1', 0, 'I read '), text('1', 7, 'the file.'))).toMatch(/● coder 2 +I read the file\./)
  expect(view(text('1', 0, 'I read '), text('1', 0, 'Again'))).toMatch(/● coder 2 +Again$/m)
  expect(view(text('1', 0, 'I read'), text('2', 0, 'New'))).toMatch(/● coder 2 +New$/m)
  expect(view(text('1', 0, 'Hi'), said('Hi'))).not.toContain('coder')
})

const said = (words: string): DemoEvent => ({
  type: 'message',
  messageId: '1',
  role: 'CODER',
  iteration: 1,
  text: words,
  failure: null,
  toolCalls: [{ name: words, isError: true, result: words }],
  ...at,
})

test('a submitted change under test is shown before there is a diff', () => {
  expect(view(tests('1', 'RUNNING', 1, 0, null, null, 'c2Vzc2lvbg=='))).toMatch(/Tests of diff +tests 1\/3 done/)
})

test('nothing that is said in a session acts on the terminal', () => {
  const evil = '\u001b]52;c;eA==\u0007\u009b2J forged \u202e'
  const shown =
    renderMessage(said(evil) as Extract<DemoEvent, { type: 'message' }>, plainStyle, 80) + view(text('1', 0, evil))
  // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is what is tested.
  expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  expect(shown).toContain('Coder, round 1 (1 tool call)')
})
