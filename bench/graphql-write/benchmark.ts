import pg from 'pg'
import type { BenchContext, Benchmark, Comparison } from '../harness/benchmark.ts'
import { countStatements } from '../harness/count-statements.ts'
import { cpuPerRequest } from '../harness/cpu.ts'
import { paired } from '../harness/paired.ts'
import { startProcess } from '../harness/process.ts'
import { startProduct } from '../harness/product.ts'
import { type Asked, openRequests } from '../harness/requests.ts'
import { madeId, makeRows, tokenOfPerson } from '../harness/rows.ts'
import type { HandWrittenOptions } from './hand-written.ts'
import { asking } from './operations.ts'
import { lines, makeRepository } from './repository.ts'

const sizes = { people: 3, projects: 1, events: 0 }
const diffs = { full: 1_000, small: 100 }

interface Write {
  readonly name: string
  readonly operation: string
  /** How many can be asked for before `reset`. */
  readonly most: number
  readonly ask: (index: number) => Asked
  readonly reset: string
}

/** Those that wait: two in fifty are there in small too. */
const pendingDiffs = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => index + 1).filter((diff) => diff % 50 <= 2)

const writesOf = (count: number): readonly Write[] => {
  const pending = pendingDiffs(count)
  return [
    {
      name: 'addReviewComment',
      operation: 'AddReviewComment',
      most: 150,
      ask: (index) => {
        const diff = pending[index % pending.length] ?? 1
        return asking('AddReviewComment', {
          diffId: madeId('Diff', `diff-1-${diff}`),
          path: `src/package_${diff % 13}/module_1.py`,
          side: 'AFTER',
          line: 3 + (index % 30),
          text: 'Why is the limit read twice? The second one can be another number than the first.',
        })
      },
      reset: 'delete from review_comment',
    },
    {
      name: 'answerInterview',
      operation: 'AnswerInterview',
      most: count / 10,
      ask: (index) =>
        asking('AnswerInterview', {
          specId: madeId('Spec', `spec-1-${1 + index}`),
          answers: [
            { key: 'goal', answer: 'The command takes one option more, and says so in its help.' },
            { key: 'limits', answer: 'Nothing else of what it prints.' },
          ],
        }),
      reset: `update spec set status = 'DRAFT', interview_status = 'NEEDS_ANSWERS',
        questions = (select jsonb_agg(question || '{"answer":null}') from jsonb_array_elements(questions) question)`,
    },
  ]
}

const measure = async (context: BenchContext): Promise<readonly Comparison[]> => {
  const { isSmall, directory, say } = context
  const count = isSmall ? diffs.small : diffs.full
  const databaseUrl = await context.database()
  await makeRows(databaseUrl, { ...sizes, diffs: count })
  await makeRepository(databaseUrl, directory)
  await using product = await startProduct({ databaseUrl, dataDir: directory }, {}, { isHere: isSmall })
  const options: HandWrittenOptions = { databaseUrl, lines }
  await using byHand = await startProcess<{ readonly url: string }>(
    new URL('hand-written.ts', import.meta.url),
    options,
  )
  const database = new pg.Client(databaseUrl)
  await database.connect()
  await using _ended = { [Symbol.asyncDispose]: () => database.end() }
  const comparisons: Comparison[] = []
  for (const write of writesOf(count)) {
    say(write.name)
    const settle = async () => {
      await database.query(write.reset)
    }
    const armOf = (server: typeof product | typeof byHand) => {
      // One after the other: they would wait for each other's locks.
      const requests = openRequests(server.ready.url, tokenOfPerson(1), 1)
      const requestsOfSample = isSmall ? 3 : Math.min(write.most, 100)
      const work = () => requests.repeat(requestsOfSample, write.ask)
      return {
        requests,
        output: async () => {
          for (let pass = 0; !isSmall && pass < 10; pass++) {
            await settle()
            await work()
          }
          await settle()
          const answers = []
          for (const index of [0, 1, 2]) answers.push(await requests.ask(write.ask(index)))
          return answers
        },
        sample: () => cpuPerRequest(server, requestsOfSample, work),
      }
    }
    const arms = { ours: armOf(product), reference: armOf(byHand) }
    const { samples, compared } = await paired(context, { rounds: 15, warmUp: 2, arms, settle })
    let asked = 0
    await settle()
    const counts = await countStatements(product, () => {
      asked += 1
      return arms.ours.requests.ask(write.ask(asked))
    })
    for (const { requests } of Object.values(arms)) requests[Symbol.dispose]()
    comparisons.push({
      name: write.name,
      reference: 'the same rows written by hand in one transaction, behind node:http',
      unit: 'CPU ms',
      samples,
      goal: { atMost: 1.8 },
      counts: { ...counts },
      compared,
    })
  }
  return comparisons
}

export const benchmark: Benchmark = {
  name: 'graphql-write',
  about:
    'CPU of the server for a mutation through every check, with its event and outbox rows, against the same checks and rows by hand in one transaction with prepared statements, behind node:http.',
  measure,
}
