import type { BenchContext, Benchmark, Comparison, Goal } from '../harness/benchmark.ts'
import { countStatements } from '../harness/count-statements.ts'
import { cpuPerRequest, type Measured } from '../harness/cpu.ts'
import { paired } from '../harness/paired.ts'
import { startProcess } from '../harness/process.ts'
import { startProduct } from '../harness/product.ts'
import { type Asked, openRequests } from '../harness/requests.ts'
import { madeId, makeRows, type RowSizes } from '../harness/rows.ts'
import { asking } from './operations.ts'

const full: RowSizes = { people: 20, projects: 100, diffs: 1_000, events: 0 }
const small: RowSizes = { people: 3, projects: 2, diffs: 60, events: 0 }

interface Read {
  readonly name: string
  /** How many requests make a sample. */
  readonly requests: number
  readonly ask: (random: BenchContext['random'], first: number) => Asked
  readonly isPage: boolean
}

const readsOf = ({ projects, diffs }: RowSizes): readonly Read[] => [
  {
    name: 'single diff',
    requests: 400,
    ask: (random) => asking('Diff', { id: madeId('Diff', `diff-${1 + random(projects)}-${1 + random(diffs)}`) }),
    isPage: false,
  },
  {
    name: 'page of 50 diffs of a project',
    requests: 60,
    ask: (random, first) => asking('Page', { project: madeId('Project', `project-${1 + random(projects)}`), first }),
    isPage: true,
  },
  {
    name: `page of 50 diffs over all ${projects} projects`,
    requests: 60,
    ask: (_random, first) => asking('Queue', { first }),
    isPage: true,
  },
]

const goals: Readonly<Record<string, Goal>> = { byHand: { atMost: 1.5 }, mercurius: { atMost: 0.9 } }
const names = { byHand: 'hand-written SQL behind node:http', mercurius: 'mercurius with JIT on the same rows' } as const
const pageSize = 50
const smallerPage = 10
// Enough for each server's functions to have been compiled for good.
const requestsBeforeAll = 1_500

const measure = async (context: BenchContext): Promise<readonly Comparison[]> => {
  const { isSmall, random, directory, say } = context
  const sizes = isSmall ? small : full
  const databaseUrl = await context.database()
  await using product = await startProduct({ databaseUrl, dataDir: directory }, {}, { isHere: isSmall })
  say(`making ${sizes.projects} projects of ${sizes.diffs} diffs`)
  await makeRows(databaseUrl, sizes)
  type Ready = { readonly url: string }
  await using byHand = await startProcess<Ready>(new URL('hand-written.ts', import.meta.url), { databaseUrl })
  await using mercurius = await startProcess<Ready>(new URL('mercurius.ts', import.meta.url), { databaseUrl })
  const servers = { ours: product, byHand, mercurius }
  using stack = new DisposableStack()
  const armOf = (server: Measured & { readonly ready: Ready }, read: Read) => {
    const requests = stack.use(openRequests(server.ready.url, product.ready.token))
    const work = (count: number) => requests.repeat(count, () => read.ask(random, pageSize))
    return {
      // The same for all: what is drawn by lot is not.
      output: async () => {
        if (!isSmall) await work(read.isPage ? requestsBeforeAll / 5 : requestsBeforeAll)
        const draws = [0, 1, 2].map((draw) => read.ask((below) => (draw * 7) % below, pageSize))
        return Promise.all(draws.map((asked) => requests.ask(asked)))
      },
      sample: () => {
        const count = isSmall ? 3 : read.requests
        return cpuPerRequest(server, count, () => work(count))
      },
    }
  }
  const comparisons: Comparison[] = []
  for (const read of readsOf(sizes)) {
    say(read.name)
    using requests = openRequests(product.ready.url, product.ready.token)
    const statementsOf = (first: number) => countStatements(product, () => requests.ask(read.ask(() => 0, first)))
    await statementsOf(pageSize)
    const counts = {
      statements: (await statementsOf(pageSize)).statements,
      ...(read.isPage && { [`statements for ${smallerPage} diffs`]: (await statementsOf(smallerPage)).statements }),
    }
    const { samples, compared } = await paired(context, {
      rounds: 15,
      warmUp: 2,
      arms: {
        ours: armOf(servers.ours, read),
        byHand: armOf(servers.byHand, read),
        mercurius: armOf(servers.mercurius, read),
      },
    })
    for (const other of ['byHand', 'mercurius'] as const) {
      comparisons.push({
        name: read.name,
        reference: names[other],
        unit: 'CPU ms',
        samples: { ours: samples.ours, reference: samples[other] },
        // One diff is a request and little else, of which no GraphQL server is asked to be ahead.
        goal: other === 'mercurius' && !read.isPage ? null : (goals[other] ?? null),
        counts,
        compared,
      })
    }
  }
  return comparisons
}

export const benchmark: Benchmark = {
  name: 'graphql-read',
  about:
    'CPU of the server for a request: one diff, a page of 50 diffs with author, files, latest test run and reviews, and the page of what waits in all projects, against the same answers from SQL by hand behind node:http and from mercurius with JIT, each signing in the same token.',
  measure,
}
