import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Rehearsal, startRehearsal } from '../../src/adapters/rehearsal/server.ts'
import { type Provider, providers } from '../../src/domain/ports/model-provider.ts'
import template from '../../templates/calculator-python.json' with { type: 'json' }
import { calculatorTask, providerOn, request, taskMessage } from './support.ts'
import { openWorkbench, work } from './workbench.ts'

let rehearsal: Rehearsal
beforeAll(async () => {
  rehearsal = await startRehearsal()
})
afterAll(() => rehearsal.close())

const helloTask = `Create a Python script that prints 'hello world' to stdout.`
const failure = '<verification_failure attempt="1">\nFAILED statistics\n</verification_failure>'

async function ask(provider: Provider, role: string, rest: string, task = calculatorTask) {
  const answer = await providerOn(provider, rehearsal).complete(
    request({ system: `You are the ${role}.`, messages: [taskMessage(task, rest)] }),
  )
  return JSON.parse(answer.text)
}

async function questionsOf(provider: Provider, limit: number, task = calculatorTask) {
  const { questions } = await ask(provider, 'interviewer', `Ask at most ${limit} questions.`, task)
  return questions as { key: string; question: string }[]
}

function candidates(a: unknown, b: unknown): string {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  return `<candidate label="A">\n${text(a)}\n</candidate>\n<candidate label="B">\n${text(b)}\n</candidate>`
}

describe('the calculator', () => {
  test('all three test files fail as the template is shipped', async () => {
    await using bench = await openWorkbench()
    expect(await bench.failing()).toEqual(['parser', 'evaluator', 'statistics'])
  })

  test('both plan by reading first and writing the plan, each in its own way', async () => {
    const plans = await Promise.all(
      providers.map(async (name) => {
        await using bench = await openWorkbench()
        const { called } = await work(providerOn(name, rehearsal), 'planner', taskMessage(), bench)
        expect(called.indexOf('read_file')).toBeLessThan(called.indexOf('write_file'))
        return readFile(join(bench.directory, 'implementation_plan.md'), 'utf8')
      }),
    )
    expect(plans[0]).not.toBe(plans[1])
    const verdict = await ask('ANTHROPIC', 'judge', candidates(plans[0], plans[1]))
    const swapped = await ask('ANTHROPIC', 'judge', candidates(plans[1], plans[0]))
    expect([verdict.winner, swapped.winner]).toEqual(['A', 'B'])
    expect(verdict.reason).toBe(swapped.reason)
    expect(verdict.scores.A).toBe(swapped.scores.B)
  })

  test('attempt 1 leaves one test file failing for OPENAI and two for ANTHROPIC; attempt 2 repairs all', async () => {
    await using openai = await openWorkbench()
    await using anthropic = await openWorkbench()
    const first = await work(providerOn('OPENAI', rehearsal), 'coder', taskMessage(), openai)
    const other = await work(providerOn('ANTHROPIC', rehearsal), 'coder', taskMessage(), anthropic)
    expect(await openai.failing()).toEqual(['statistics'])
    expect(await anthropic.failing()).toEqual(['evaluator', 'statistics'])
    for (const { called } of [first, other]) {
      expect(called).toContain('read_file')
      expect(called).toContain('run_tests')
      expect(called.indexOf('read_file')).toBeLessThan(
        called.findIndex((name) => name === 'edit_file' || name === 'write_file'),
      )
    }

    const sizes: number[] = []
    for (const name of providers) {
      await using bench = await openai.copy()
      await work(providerOn(name, rehearsal), 'coder', taskMessage(undefined, failure), bench)
      expect(await bench.failing()).toEqual([])
      sizes.push(await changedLines(openai.directory, bench.directory))
    }
    const [broad = 0, narrow = 0] = sizes
    expect(narrow).toBeGreaterThan(0)
    expect(narrow).toBeLessThan(broad / 3)
  })

  test('the judge of interviews merges both, and the template answers every question that it takes', async () => {
    const [openai, anthropic] = await Promise.all([questionsOf('OPENAI', 5), questionsOf('ANTHROPIC', 5)])
    const decision = await ask('OPENAI', 'interview judge', candidates({ questions: openai }, { questions: anthropic }))
    expect(decision.selected).toBe('A')
    expect(new Set(decision.questions.map((question: { label: string }) => question.label))).toEqual(
      new Set(['A', 'B']),
    )
    const keys = decision.questions.map((question: { key: string }) => question.key)
    expect(keys.toSorted()).toEqual(Object.keys(template.sampleTask.answers).toSorted())
    const swapped = await ask('OPENAI', 'interview judge', candidates({ questions: anthropic }, { questions: openai }))
    expect(swapped.selected).toBe('B')
    expect(swapped.questions.map((question: { key: string }) => question.key)).toEqual(keys)
  })

  test('an interview keeps to the number of questions asked for', async () => {
    for (const name of providers) {
      expect(await questionsOf(name, 1)).toHaveLength(1)
      expect(await questionsOf(name, 0)).toEqual([])
    }
  })

  test('the verifier follows the test results', async () => {
    for (const name of providers) {
      const bad = await ask(name, 'verifier', '<test_results>\nPASSED parser\nFAILED statistics\n</test_results>')
      expect(bad).toMatchObject({ verdict: 'VERIFICATION_FAILURE' })
      expect(bad.reasons.join()).toContain('statistics')
      const good = await ask(name, 'verifier', '<test_results>\nPASSED parser\n</test_results>')
      expect(good.verdict).toBe('VERIFICATION_SUCCESS')
    }
  })

  test('two candidates that are alike are a tie', async () => {
    expect(await ask('OPENAI', 'judge', candidates('same', 'same'))).toMatchObject({ winner: 'TIE' })
  })

  test('what a review asks for is refused, not ignored', async () => {
    const answer = await providerOn('OPENAI', rehearsal).complete(
      request({ messages: [taskMessage(undefined, '<feedback>Use decimals.</feedback>')] }),
    )
    expect(answer.stop).toBe('REFUSAL')
  })
})

describe('hello world', () => {
  test('both write a hello.py that prints the words, one with a main guard', async () => {
    const sources = await Promise.all(
      providers.map(async (name) => {
        await using bench = await openWorkbench(null)
        await work(providerOn(name, rehearsal), 'coder', taskMessage(helloTask), bench)
        const { stdout } = await promisify(execFile)('python3', ['hello.py'], { cwd: bench.directory })
        expect(stdout).toBe('hello world\n')
        return readFile(join(bench.directory, 'hello.py'), 'utf8')
      }),
    )
    expect(sources.filter((source) => source.includes('__main__'))).toHaveLength(1)
    expect(sources.filter((source) => source.split('\n').length === 2)).toHaveLength(1)
  })

  test('the interview comes to one question', async () => {
    const [openai, anthropic] = await Promise.all([
      questionsOf('OPENAI', 5, helloTask),
      questionsOf('ANTHROPIC', 5, helloTask),
    ])
    const decision = await ask(
      'ANTHROPIC',
      'interview judge',
      candidates({ questions: anthropic }, { questions: openai }),
      helloTask,
    )
    expect(decision.questions).toEqual([{ label: 'B', key: 'file_name' }])
  })
})

/** Lines that git counts as added or removed between two directories. */
async function changedLines(from: string, to: string): Promise<number> {
  const text = await promisify(execFile)('git', ['diff', '--no-index', '--numstat', '--', from, to]).catch(
    (fault: { stdout: string }) => fault,
  )
  return text.stdout
    .trim()
    .split('\n')
    .map((line) => line.split('\t'))
    .reduce((sum, [added, removed]) => sum + Number(added) + Number(removed), 0)
}
