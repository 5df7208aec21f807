import { execute, parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { createGraphQLContext } from '../../src/schema/context.ts'
import { found } from '../../src/schema/found.ts'
import { schema } from '../../src/schema/index.ts'
import { branchHas, keepHunks, numbered, patchOf, rebase, shownDiff } from '../factories/diff-commands.ts'
import { gitOf, proposed, review, type ShownDiff, sqlOf } from '../factories/gate.ts'
import { actorWithToken, readyProject, rowId } from '../factories/pipeline.ts'
import { countQueries } from '../support/count-queries.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let rita: { id: string; token: string }
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false, pools: { maintenance: 1 } })
  rita = await actorWithToken(server, { name: 'Rita', role: 'REVIEWER' })
})
afterAll(() => server[Symbol.asyncDispose]())

const sinceLastSeen = async (id: string, token = rita.token): Promise<string | null> => {
  const { node } = await server.query(
    'query ($id: ID!) { node(id: $id) { ... on Diff { sinceLastSeen } } }',
    { id },
    token,
  )
  return node.sinceLastSeen
}

const open = async (id: string, token = rita.token) => {
  const { openReview } = await server.query(
    'mutation ($id: ID!) { openReview(diffId: $id) { __typename ... on DomainError { message } } }',
    { id },
    token,
  )
  expect(openReview).toMatchObject({ __typename: 'Diff' })
}

const resultTree = async (id: string) => (await shownDiff(server, id)).resultTree

/** What the patch makes of the one diff's result is the other's. */
const leadsFrom = async (projectId: string, patch: string | null, seen: string, now: string) => {
  const { git } = server.context.services
  const applied = await git.applyPatch(rowId(projectId), await resultTree(seen), patch ?? '')
  expect(applied.tree).toBe(await resultTree(now))
}

const start = numbered(60)
const many = numbered(60, { 5: 'five', 20: 'twenty', 35: 'thirty-five', 50: 'fifty' })

const proposal = async (): Promise<{ projectId: string; diff: ShownDiff }> => {
  const projectId = await readyProject(server)
  await branchHas(server, projectId, { 'a.txt': start, 'a.bin': Buffer.from([0]) })
  const files = { 'a.txt': many, 'new.txt': 'new\n', 'a.bin': Buffer.from([0, 1]) }
  return { projectId, diff: await proposed(server, projectId, { content: await patchOf(server, projectId, files) }) }
}

describe.concurrent('what changed since the viewer last looked', () => {
  it('is nothing that could be told to who has seen none', async () => {
    const { diff } = await proposal()
    expect(await sinceLastSeen(diff.id)).toBeNull()
    const kept = await keepHunks(server, diff.id, [0, 1])
    expect(await sinceLastSeen(kept.id)).toBeNull()
    await open(kept.id)
    expect(await sinceLastSeen(kept.id)).toBeNull()
  })

  it('after some hunks were kept, is what was dropped, binary files too', async () => {
    const { projectId, diff } = await proposal()
    await open(diff.id)
    const kept = await keepHunks(server, diff.id, [0, 2])
    const patch = await sinceLastSeen(kept.id)
    expect(patch).toContain('-twenty\n')
    expect(patch).toContain('deleted file mode')
    expect(patch).toContain('GIT binary patch')
    expect(patch).not.toContain('thirty-five\n+')
    await leadsFrom(projectId, patch, diff.id, kept.id)
  })

  it('after a rebase, is what the branch brought', async () => {
    const { projectId, diff } = await proposal()
    await open(diff.id)
    await branchHas(server, projectId, { 'b.txt': 'b\n' })
    const fresh = await rebase(server, diff.id)
    const patch = await sinceLastSeen(fresh.id)
    expect(patch).toMatch(/^diff --git a\/b\.txt b\/b\.txt\n/)
    expect(patch?.match(/^diff --git/gm)).toHaveLength(1)
    await leadsFrom(projectId, patch, diff.id, fresh.id)
  })

  it('is each viewer of their own, from the iteration that they saw last', async () => {
    const { projectId, diff } = await proposal()
    const rolf = await actorWithToken(server, { name: 'Rolf', role: 'REVIEWER' })
    await open(diff.id)
    await open(diff.id, rolf.token)
    const second = await keepHunks(server, diff.id, [0, 1, 2])
    await review(server, { ...diff, ...second }, { token: rolf.token })
    const third = await keepHunks(server, second.id, [0, 1])
    const fourth = await keepHunks(server, third.id, [0])
    const [hers, his, nobodys] = await Promise.all([
      sinceLastSeen(fourth.id),
      sinceLastSeen(fourth.id, rolf.token),
      sinceLastSeen(fourth.id, server.token),
    ])
    await leadsFrom(projectId, hers, diff.id, fourth.id)
    await leadsFrom(projectId, his, second.id, fourth.id)
    expect(hers).not.toBe(his)
    expect(nobodys).toBeNull()
    await leadsFrom(projectId, await sinceLastSeen(third.id), diff.id, third.id)
  })

  it('is empty when both results are the same', async () => {
    const { projectId, diff } = await proposal()
    await open(diff.id)
    const kept = await keepHunks(server, diff.id, [0])
    const tree = await resultTree(diff.id)
    await sqlOf(server, 'update diff set result_tree = $2 where id = $1', [rowId(kept.id), tree])
    expect(await sinceLastSeen(kept.id)).toBe('')
    expect(await gitOf(server, projectId, 'cat-file', '-t', tree)).toBe('tree')
  })

  it('is noted for a verdict and not for a refused one', async () => {
    const { diff } = await proposal()
    const refused = await review(server, diff, { token: rita.token, contentHash: 'a'.repeat(64) })
    expect(refused).toMatchObject({ __typename: 'ValidationError' })
    const kept = await keepHunks(server, diff.id, [0])
    expect(await sinceLastSeen(kept.id)).toBeNull()
  })
})

it('is looked up for a list of diffs by one statement', async () => {
  const projectId = await readyProject(server)
  await branchHas(server, projectId, { 'a.txt': start })
  for (let count = 0; count < 6; count += 1) {
    const diff = await proposed(server, projectId, { content: await patchOf(server, projectId, { 'a.txt': many }) })
    await open(diff.id, server.token)
    expect(await keepHunks(server, diff.id, [count % 4])).toMatchObject({ status: 'PROPOSED' })
  }
  const document = parse(`query ($id: ID!, $first: Int!) {
    pendingDiffs(projectId: $id, first: $first) { nodes { sinceLastSeen } }
  }`)
  const { services, feed } = server.context
  const viewer = found(await authenticate(services, server.token))
  const ask = (first: number) =>
    countQueries(async () => {
      const contextValue = createGraphQLContext({ viewer, services, feed, version: '', health: async () => [] })
      const answer = await execute({ schema, document, variableValues: { id: projectId, first }, contextValue })
      expect(answer).not.toHaveProperty('errors')
      return (answer as { data: { pendingDiffs: { nodes: { sinceLastSeen: string }[] } } }).data.pendingDiffs.nodes
    })
  const [few, all] = [await ask(2), await ask(6)]
  expect(all.result.map(({ sinceLastSeen: patch }) => typeof patch)).toEqual(Array(6).fill('string'))
  expect(all.statements).toHaveLength(few.statements.length)
  expect(all.statements.filter((statement) => statement.includes('diff_view'))).toHaveLength(1)
})
