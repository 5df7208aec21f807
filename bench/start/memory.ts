import { deepStrictEqual } from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { bundleElsewhere } from '../../scripts/bundle.ts'
import { createProject, readProject } from '../../src/cli/demo/operations.ts'
import { createGraphQLClient } from '../../src/cli/graphql-client.ts'
import type { BenchContext } from '../harness/benchmark.ts'
import { type BenchProcess, startProcess } from '../harness/process.ts'
import { startProduct } from '../harness/product.ts'
import type { ProductReady } from '../harness/product-process.ts'
import { type Asked, openRequests, type Requests } from '../harness/requests.ts'
import type { EmptyServerOptions } from './empty-server-process.ts'
import { firstQuery } from './launch.ts'
import { makeEmptyTables } from './starts.ts'

/** MiB, each after a garbage collection. */
export interface MemoryFigures {
  /** Resident, a process each round, once it has answered its first query. */
  readonly idle: { readonly ours: readonly number[]; readonly reference: readonly number[] }
  /** Resident, of one process: after its first query, and when it has stored the diffs. */
  readonly diffs: { readonly before: number; readonly after: number }
  /** Of the heap in use, of the same process: before and after the requests. */
  readonly heap: { readonly before: number; readonly after: number }
  /** How many answers were found equal: to the empty server's, and after the requests to those before. */
  readonly compared: { readonly idle: number; readonly requests: number }
}

export interface MemorySizes {
  readonly rounds: number
  readonly diffs: number
  /** Before the heap is first looked at: what is kept of requests is there then. */
  readonly firstRequests: number
  readonly requests: number
}

const patchOf = (index: number): string =>
  [
    `diff --git a/files/${index}.py b/files/${index}.py`,
    'new file mode 100644',
    '--- /dev/null',
    `+++ b/files/${index}.py`,
    '@@ -0,0 +1,2 @@',
    '+import os',
    `+print(os.getcwd(), ${index})`,
    '',
  ].join('\n')

const proposal = (projectId: string, index: number): Asked => ({
  query: `mutation Propose($input: ProposeDiffInput!) {
    proposeDiff(input: $input) { __typename ... on Diff { id } ... on DomainError { message } }
  }`,
  variables: { input: { projectId, content: patchOf(index), commitMessage: `Add file ${index}` } },
})

/** What frontends ask for all the time. */
const questions = (projectId: string, diffIds: readonly string[]): ((index: number) => Asked) => {
  const page = `query Page($id: ID!) {
    pendingDiffs(projectId: $id, first: 20) { nodes { id status additions author { name } } }
  }`
  const one = `query One($id: ID!) {
    node(id: $id) { ... on Diff { status content files { path kind additions } safety { safe addedCapabilities } } }
  }`
  return (index) => {
    if (index % 4 === 0) return { query: firstQuery, variables: {} }
    if (index % 4 === 1) return { query: page, variables: { id: projectId } }
    return { query: one, variables: { id: diffIds[index % diffIds.length] } }
  }
}

const readyProject = async ({ ready: { url, token } }: BenchProcess<ProductReady>): Promise<string> => {
  const client = createGraphQLClient({ url, token, signal: new AbortController().signal })
  const { id } = await client.mutate(createProject, { input: { name: 'memory', source: { empty: true } } })
  for (;;) {
    const { node } = await client.query(readProject, { id })
    if (node?.status === 'READY') return id
    if (node?.status !== 'CREATING') throw new Error(`The project could not be made: ${node?.failure}`)
    await delay(50)
  }
}

/** A worker makes its repository, and has gone then. */
const projectByWorker = async (
  product: BenchProcess<ProductReady>,
  startWorker: () => Promise<BenchProcess<ProductReady>>,
): Promise<string> => {
  await using _worker = await startWorker()
  return await readyProject(product)
}

const whenIdle = async (server: BenchProcess<unknown>, requests: Requests) => {
  const answer = await requests.ask({ query: firstQuery, variables: {} })
  const { resident } = await server.memoryMib()
  return { answer, resident }
}

const propose = async (requests: Requests, projectId: string, count: number): Promise<readonly string[]> => {
  const ids: string[] = []
  let next = 0
  const goOn = async () => {
    while (next < count) {
      next += 1
      const { data } = JSON.parse(await requests.ask(proposal(projectId, next)))
      const { __typename: type, id, message } = data.proposeDiff
      if (type !== 'Diff') throw new Error(`${type}: ${message}`)
      ids.push(id)
    }
  }
  await Promise.all([goOn(), goOn(), goOn(), goOn()])
  return ids
}

/** The script of an API process as a release has it: bundled. */
const released = async (directory: string): Promise<URL> => {
  const script = 'bench/start/released-process'
  await bundleElsewhere(directory, [script])
  return pathToFileURL(join(directory, `${script}.js`))
}

/**
 * How much memory an API process has, and whether it keeps any of what it is asked.
 * @param emptyScript of the empty server
 */
export const measureMemory = async (
  context: BenchContext,
  sizes: MemorySizes,
  emptyScript: string,
): Promise<MemoryFigures> => {
  const databaseUrl = await context.database()
  const bare = await context.database(false)
  await makeEmptyTables(bare)
  const places = { databaseUrl, dataDir: join(context.directory, 'memory') }
  const way = context.isSmall ? { isHere: true } : { script: await released(join(context.directory, 'released')) }
  const emptyOptions: EmptyServerOptions = {
    databaseUrl: bare,
    port: 0,
    compiled: join(context.directory, 'empty-compiled'),
  }
  const emptyServer = pathToFileURL(emptyScript)
  const idle = { ours: [] as number[], reference: [] as number[] }
  const measureIdle = async (product: BenchProcess<ProductReady>, requests: Requests): Promise<number> => {
    await using empty = await startProcess<{ readonly url: string }>(emptyServer, emptyOptions)
    using toEmpty = openRequests(empty.ready.url, '')
    const ours = await whenIdle(product, requests)
    const reference = await whenIdle(empty, toEmpty)
    deepStrictEqual(JSON.parse(ours.answer), JSON.parse(reference.answer))
    idle.ours.push(ours.resident)
    idle.reference.push(reference.resident)
    return ours.resident
  }
  for (let round = 1; round < sizes.rounds; round += 1) {
    await using product = await startProduct(places, {}, way)
    using requests = openRequests(product.ready.url, product.ready.token)
    await measureIdle(product, requests)
  }

  await using product = await startProduct(places, {}, way)
  using requests = openRequests(product.ready.url, product.ready.token)
  const before = await measureIdle(product, requests)
  const projectId = await projectByWorker(product, () =>
    startProduct(places, { api: false, pools: { maintenance: 1 } }, way),
  )
  context.say(`${sizes.diffs} diffs`)
  const diffIds = await propose(requests, projectId, sizes.diffs)
  const { resident: after } = await product.memoryMib()
  const questionAt = questions(projectId, diffIds)
  context.say(`${sizes.requests} requests`)
  const some = () => Promise.all([0, 1, 2, 3].map((index) => requests.ask(questionAt(index))))
  const first = await some()
  await requests.repeat(sizes.firstRequests, questionAt)
  const { heap: heapBefore } = await product.memoryMib()
  await requests.repeat(sizes.requests, questionAt)
  const { heap: heapAfter } = await product.memoryMib()
  deepStrictEqual(await some(), first)
  return {
    idle,
    diffs: { before, after },
    heap: { before: heapBefore, after: heapAfter },
    compared: { idle: sizes.rounds, requests: first.length },
  }
}
