import { execute, parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { createGraphQLContext } from '../../src/schema/context.ts'
import { found } from '../../src/schema/found.ts'
import { schema } from '../../src/schema/index.ts'
import { made, mutate } from '../factories/api.ts'
import { branchHas, keepHunks, numbered, patchOf, rebase } from '../factories/diff-commands.ts'
import { commit, proposed, review, sqlOf } from '../factories/gate.ts'
import { actorWithToken, readyProject, rowId } from '../factories/pipeline.ts'
import { countQueries } from '../support/count-queries.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let vera: { id: string; token: string }
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false, pools: { maintenance: 1 } })
  vera = await actorWithToken(server, { name: 'Vera', role: 'VIEWER' })
})
afterAll(() => server[Symbol.asyncDispose]())

/** The paths that somebody has marked. */
const marked = async (diffId: string, token = vera.token): Promise<string[]> => {
  const { node } = await server.query(
    'query ($id: ID!) { node(id: $id) { ... on Diff { files { path reviewedByViewer } } } }',
    { id: diffId },
    token,
  )
  return node.files.flatMap((file: { path: string; reviewedByViewer: boolean }) =>
    file.reviewedByViewer ? [file.path] : [],
  )
}

const mark = (diffId: string, path: string, reviewed = true, token = vera.token) =>
  mutate(server, 'markFileReviewed', { diffId, path, reviewed }, token)

const start = numbered(30)

/** A diff with two hunks in `a.txt`, one in `b.txt`, and `c.txt` moved to `d.txt`. */
const proposal = async () => {
  const projectId = await readyProject(server)
  await branchHas(server, projectId, { 'a.txt': start, 'b.txt': start, 'c.txt': 'c\n' })
  const content = await patchOf(server, projectId, {
    'a.txt': numbered(30, { 3: 'three', 25: 'twenty-five' }),
    'b.txt': numbered(30, { 3: 'three' }),
    'c.txt': null,
    'd.txt': 'c\n',
  })
  return { projectId, diff: await proposed(server, projectId, { content }) }
}

describe.concurrent('a mark', () => {
  it('is its maker’s own, on one file, for whoever may read, and can be taken back', async () => {
    const { diff } = await proposal()
    expect(await marked(diff.id)).toEqual([])
    for (const _twice of [1, 2]) {
      expect(await mark(diff.id, 'a.txt')).toMatchObject({ __typename: 'Diff', id: diff.id })
      expect(await marked(diff.id)).toEqual(['a.txt'])
    }
    expect(await marked(diff.id, server.token)).toEqual([])
    await mark(diff.id, 'b.txt')
    for (const _twice of [1, 2]) {
      expect(await mark(diff.id, 'a.txt', false)).toMatchObject({ __typename: 'Diff' })
      expect(await marked(diff.id)).toEqual(['b.txt'])
    }
  })

  it('is no approval: it changes nothing of the diff, and tells nobody', async () => {
    const { diff } = await proposal()
    const before = await sqlOf(server, 'select * from diff where id = $1', [rowId(diff.id)])
    const events = 'select count(*) from event where diff_id = $1'
    const told = await sqlOf(server, events, [rowId(diff.id)])
    for (const path of ['a.txt', 'b.txt', 'd.txt']) await mark(diff.id, path)
    expect(await sqlOf(server, 'select * from diff where id = $1', [rowId(diff.id)])).toEqual(before)
    expect(await sqlOf(server, events, [rowId(diff.id)])).toEqual(told)
  })

  it('on what is no file of the diff is refused, and stores nothing', async () => {
    const { diff } = await proposal()
    for (const path of ['c.txt', '', 'A.TXT', 'a.txt\u0000', '../a.txt', 'x'.repeat(10_000)]) {
      expect(await mark(diff.id, path)).toMatchObject({
        __typename: 'ValidationError',
        fieldErrors: [{ path: ['path'], message: 'is not a file of this diff' }],
      })
    }
    expect(await sqlOf(server, 'select * from file_mark where change_id = $1', [rowId(diff.id)])).toEqual([])
  })

  it('made many times at once is made once', async () => {
    const { diff } = await proposal()
    const answers = await Promise.all(Array.from({ length: 12 }, () => mark(diff.id, 'a.txt')))
    expect(new Set(answers.map(({ __typename }) => __typename))).toEqual(new Set(['Diff']))
    expect(await sqlOf(server, 'select path from file_mark where change_id = $1', [rowId(diff.id)])).toHaveLength(1)
  })

  it('can be made on a diff in any state, also one that is committed', async () => {
    const { diff } = await proposal()
    await review(server, diff)
    expect(await commit(server, diff.id)).toMatchObject({ status: 'COMMITTED' })
    expect(await mark(diff.id, 'a.txt')).toMatchObject({ __typename: 'Diff' })
    expect(await marked(diff.id)).toEqual(['a.txt'])
  })

  it('stays in a later iteration for a file whose change is the same, and falls for one whose is not', async () => {
    const { diff } = await proposal()
    for (const path of ['a.txt', 'b.txt', 'd.txt']) await mark(diff.id, path)
    // Of a.txt one hunk is dropped.
    const kept = await keepHunks(server, diff.id, [0, 2], { files: ['d.txt'] })
    expect(kept.files.map(({ path }) => path)).toEqual(['a.txt', 'b.txt', 'd.txt'])
    expect(await marked(kept.id)).toEqual(['b.txt', 'd.txt'])
    expect(await marked(diff.id)).toEqual(['a.txt', 'b.txt', 'd.txt'])
    // One word about a text that is in both iterations.
    await mark(kept.id, 'b.txt', false)
    expect(await marked(diff.id)).toEqual(['a.txt', 'd.txt'])
    await mark(kept.id, 'a.txt')
    const last = await keepHunks(server, kept.id, [0])
    expect(last.files.map(({ path }) => path)).toEqual(['a.txt'])
    expect(await marked(last.id)).toEqual(['a.txt'])
  })

  it('stays after a rebase for what the branch left alone, and falls for what it changed', async () => {
    const { projectId, diff } = await proposal()
    for (const path of ['a.txt', 'b.txt', 'd.txt']) await mark(diff.id, path)
    await branchHas(server, projectId, { 'a.txt': numbered(30, { 14: 'elsewhere' }), 'e.txt': 'e\n' })
    const fresh = await rebase(server, diff.id)
    expect(fresh.files.map(({ path }) => path)).toEqual(['a.txt', 'b.txt', 'd.txt'])
    // Nothing of a moved file's content is shown, so whether it is the same cannot be seen.
    expect(await marked(fresh.id)).toEqual(['b.txt'])
  })

  it('is of one change alone: another diff with the same file has none', async () => {
    const { projectId, diff } = await proposal()
    await mark(diff.id, 'b.txt')
    const content = await patchOf(server, projectId, { 'b.txt': numbered(30, { 3: 'three' }) })
    const other = await proposed(server, projectId, { content })
    expect(await marked(other.id)).toEqual([])
  })
})

it('on 500 files of several diffs is looked up by as many statements as on one', async () => {
  const projectId = await readyProject(server)
  const files = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`f${index}.txt`, `${index}\n`]))
  const few = await proposed(server, projectId, { content: await patchOf(server, projectId, { 'f0.txt': 'one\n' }) })
  const many = await proposed(server, projectId, { content: await patchOf(server, projectId, files) })
  for (const path of ['f0.txt', 'f250.txt', 'f499.txt']) {
    await made(server, 'markFileReviewed', { diffId: many.id, path, reviewed: true })
  }
  const document = parse(
    `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Diff { files { path reviewedByViewer } } } }`,
  )
  const { services, feed } = server.context
  const viewer = found(await authenticate(services, server.token))
  const ask = (ids: readonly string[]) =>
    countQueries(async () => {
      const contextValue = createGraphQLContext({ viewer, services, feed, version: '', health: async () => [] })
      const { data, errors } = await execute({ schema, document, variableValues: { ids }, contextValue })
      expect(errors).toBeUndefined()
      return (data as { nodes: { files: { path: string; reviewedByViewer: boolean }[] }[] }).nodes
    })
  const [one, both] = [await ask([few.id]), await ask([few.id, many.id])]
  expect(both.result[1]?.files).toHaveLength(500)
  expect(
    both.result.map((diff) => diff.files.filter(({ reviewedByViewer }) => reviewedByViewer).map(({ path }) => path)),
  ).toEqual([[], ['f0.txt', 'f250.txt', 'f499.txt']])
  expect(both.statements).toHaveLength(one.statements.length)
})
