import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOrm, type Orm } from '../../src/adapters/db/orm.ts'
import { createEventFeed } from '../../src/adapters/events/event-feed.ts'
import { createGitStore } from '../../src/adapters/git/git-store.ts'
import type { EventFeed } from '../../src/domain/ports/event-feed.ts'
import type { GitStore } from '../../src/domain/ports/git-store.ts'
import type { StartOptions } from '../../src/start.ts'
import { silent, theBeginning } from '../factories/event-log.ts'
import { commit, proposed, review } from '../factories/gate.ts'
import { addsFile, endedSprint, readyProject, rowId, startedSprint, validatedSpec } from '../factories/pipeline.ts'
import { createTestDatabase } from '../support/database.ts'
import { testRedis } from '../support/redis.ts'
import type { TestServer } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const redis = testRedis()

describe.skipIf(redis.url === null)(`one database, one Redis and one directory${redis.note}`, () => {
  const stack = new AsyncDisposableStack()
  let api: ServerProcess
  let workers: readonly ServerProcess[]
  let orm: Orm
  let feed: EventFeed
  /** A process of its own too: this one. */
  let git: GitStore
  let server: TestServer
  beforeAll(async () => {
    const { url } = stack.use(await createTestDatabase())
    const { path } = stack.use(await temporaryDirectory())
    const start = async (part: Pick<StartOptions, 'api' | 'pools'>) =>
      stack.use(await startServerProcess({ DATABASE_URL: url, REDIS_URL: redis.url ?? '', DATA_DIR: path }, {}, part))
    // All at once on an empty directory. No worker has all the pools that a sprint needs.
    const started = await Promise.all([
      start({ api: false, pools: { candidates: 2, tests: 2 } }),
      start({ api: true, pools: {} }),
      start({ api: false, pools: { planning: 2, phases: 2, sessions: 2, maintenance: 2, webhooks: 2 } }),
    ])
    ;[, api] = started
    workers = [started[0], started[2]]
    orm = await createOrm(url)
    stack.defer(() => orm.close())
    feed = stack.use(await createEventFeed(() => orm.em.fork(), silent))
    git = stack.use(
      createGitStore({
        root: `${path}/repositories`,
        scratch: `${path}/scratch`,
        allowedProtocols: [],
        allowedHosts: null,
      }),
    )
    server = {
      query: api.query,
      event: async (type: string, matches: (body: never) => boolean) => {
        const events = feed.follow({ projectIds: null }, theBeginning)
        for await (const row of events) if (row.body.type === type && matches(row.body as never)) return row
        throw new Error('unreachable')
      },
    } as unknown as TestServer
  })
  afterAll(() => stack.disposeAsync())

  it('an API and two workers that start at once go by the same keys and tokens', () => {
    expect(workers.map(({ token }) => token)).toEqual([api.token, api.token])
  })

  it('a sprint goes through them to its commit while two others pack the repository, and nothing is lost', async () => {
    const projectId = await readyProject(server)
    const id = rowId(projectId)
    const packing = new AbortController()
    const pack = () =>
      git.pack(id, {
        // Minutes instead of a day: what is under way for longer than that is not in this test.
        expireBefore: new Date(Date.now() - 600_000),
        timeoutMs: 60_000,
        signal: new AbortController().signal,
      })
    const packers = [1, 2].map(async () => {
      while (!packing.signal.aborted) {
        // Two at once would lose objects.
        await pack().catch((error: Error) => expect(error.message).toMatch(/^somebody else packs /))
        await delay(1_000)
      }
    })
    const packed = Promise.all(packers)
    packed.catch(() => {})
    try {
      const sprintId = await startedSprint(server, await validatedSpec(server, projectId))
      expect(await endedSprint(server, sprintId)).toBe('COMPLETED')
      const { node } = await server.query(
        `query ($id: ID!) { node(id: $id) { ... on Sprint {
          diff { id contentHash safety { evaluationHash } } } } }`,
        { id: sprintId },
      )
      expect(await review(server, node.diff)).toMatchObject({ status: 'APPROVED' })
      const committed = await commit(server, node.diff.id)
      expect(committed).toMatchObject({ status: 'COMMITTED' })
      const other = await proposed(server, projectId, { content: addsFile('more.py', ['more = 1']) })
      expect(await review(server, other)).toMatchObject({ status: 'APPROVED' })
      expect(await commit(server, other.id)).toMatchObject({ status: 'COMMITTED' })
    } finally {
      packing.abort()
    }
    await packed
    await pack()

    expect(await git.verify(id, new AbortController().signal)).toEqual([])
    expect(await git.log(id, 'main', { skip: 0, limit: 9 })).toHaveLength(3)
    const kept = await orm.em
      .fork()
      .getConnection()
      .execute<{ tree: string }[]>(
        `select result_tree as tree from diff where project_id = ? union select tree from checkpoint
         join agent_run on agent_run.id = run_id where project_id = ?`,
        [id, id],
      )
    expect(kept.length).toBeGreaterThan(2)
    for (const { tree } of kept) expect(await git.objectKind(id, tree), tree).toBe('tree')
    expect(
      await git.missingBelow(
        id,
        kept.map(({ tree }) => tree),
      ),
    ).toEqual([])
  })

  it('each of them ends as it is told to', async () => {
    expect(await Promise.all([api, ...workers].map((each) => each.end('SIGTERM')))).toEqual([0, 0, 0])
  })
})
