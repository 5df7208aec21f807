import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { diffStatuses } from '../../src/domain/diff/diff.status.ts'
import {
  branchHas,
  type DiffAnswer,
  type FileContents,
  numbered,
  patchOf,
  rebase,
  revert,
  shownDiff,
  tracesOf,
  treeWith,
} from '../factories/diff-commands.ts'
import { commit, gitOf, proposed, review, sqlOf } from '../factories/gate.ts'
import { actorWithToken, readyProject, rowId } from '../factories/pipeline.ts'
import { testCase } from '../factories/testing.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false, pools: { maintenance: 1 } })
})
afterAll(() => server[Symbol.asyncDispose]())

const headOf = (projectId: string) => gitOf(server, projectId, 'rev-parse', 'main')
const treeOf = (projectId: string) => gitOf(server, projectId, 'rev-parse', 'main^{tree}')

/** A project with these files on its branch, whose policy asks for nobody. */
const projectOf = async (files: FileContents): Promise<string> => {
  const projectId = await readyProject(server, { policy: { requiredApprovals: 0 } })
  await branchHas(server, projectId, files)
  return projectId
}

/** A committed diff that gives these files these contents. @returns its id */
const committed = async (projectId: string, files: FileContents): Promise<string> => {
  const content = await patchOf(server, projectId, files)
  const { id } = await proposed(server, projectId, { content, commitMessage: 'Change it\n\nMore words.' })
  expect(await commit(server, id)).toMatchObject({ status: 'COMMITTED' })
  return id
}

const refused = async (work: () => Promise<DiffAnswer>, projectId: string, expected: object): Promise<DiffAnswer> => {
  const before = await tracesOf(server, projectId)
  const answer = await work()
  expect(answer).toMatchObject(expected)
  expect(await tracesOf(server, projectId)).toEqual(before)
  return answer
}

const change = { 'a.txt': numbered(30, { 15: 'fifteen' }) }

describe.concurrent('the reverse of a committed diff', () => {
  it('is a proposal of whoever asked for it, tested and reviewed like any other; committed, it restores the tree', async () => {
    const projectId = await projectOf({ 'a.txt': numbered(30) })
    await testCase(server, projectId, { name: 'quick', command: ['true'] })
    const author = await actorWithToken(server, { name: 'Ada', role: 'AUTHOR' })
    const before = await treeOf(projectId)
    const id = await committed(projectId, change)
    const oid = await headOf(projectId)
    const proposal = await revert(server, id, author.token)
    expect(proposal).toMatchObject({
      __typename: 'Diff',
      // The policy asks for nobody.
      status: 'APPROVED',
      origin: 'REVERT',
      baseCommit: oid,
      resultTree: before,
      commitMessage: `Revert "Change it"\n\nThis reverts commit ${oid}.`,
      iteration: 1,
      author: { id: author.id },
      supersedes: null,
      latestTestRun: { status: 'QUEUED' },
    })
    expect(await shownDiff(server, id)).toMatchObject({ status: 'COMMITTED', supersededBy: null })
    expect(await commit(server, proposal.id)).toMatchObject({ status: 'COMMITTED' })
    expect(await treeOf(projectId)).toBe(before)
  })

  it('can be reverted itself', async () => {
    const projectId = await projectOf({ 'a.txt': numbered(30) })
    const first = await committed(projectId, change)
    const changed = await treeOf(projectId)
    const second = await revert(server, first)
    await commit(server, second.id)
    const oid = await headOf(projectId)
    const third = await revert(server, second.id)
    expect(third).toMatchObject({
      resultTree: changed,
      commitMessage: `Revert "Revert "Change it""\n\nThis reverts commit ${oid}.`,
    })
    expect(await commit(server, third.id)).toMatchObject({ status: 'COMMITTED' })
    expect(await treeOf(projectId)).toBe(changed)
  })

  it('leaves what came to the branch later', async () => {
    const projectId = await projectOf({ 'a.txt': numbered(30), 'b.txt': 'b\n' })
    const id = await committed(projectId, { ...change, 'new.txt': 'new\n' })
    const later = { 'a.txt': numbered(30, { 2: 'two', 15: 'fifteen' }), 'b.txt': 'later\n', 'c.txt': 'later\n' }
    await branchHas(server, projectId, later)
    const proposal = await revert(server, id)
    expect(proposal.resultTree).toBe(
      await treeWith(server, projectId, { ...later, 'a.txt': numbered(30, { 2: 'two' }), 'new.txt': null }),
    )
  })

  it('takes back renames, modes, binary contents, removals and empty files', async () => {
    const before: FileContents = {
      'old.txt': numbered(12),
      run: 'x\n',
      'a.bin': Buffer.from([0, 1, 2]),
      'gone.txt': 'gone\n',
      'gone-empty': '',
      'latin.txt': Buffer.from('h\xe9\r\n', 'latin1'),
      thing: 'a file\n',
    }
    const projectId = await projectOf(before)
    const start = await treeOf(projectId)
    const id = await committed(projectId, {
      'old.txt': null,
      'new/place.txt': numbered(12, { 3: 'three' }),
      run: { content: Buffer.from('x\n'), mode: '100755' },
      'a.bin': Buffer.from([0, 255]),
      'gone.txt': null,
      'gone-empty': null,
      'latin.txt': Buffer.from('h\xe8\n', 'latin1'),
      thing: null,
      'thing/inner': '',
    })
    await branchHas(server, projectId, { 'other.txt': 'other\n' })
    const proposal = await revert(server, id)
    expect(proposal.resultTree).toBe(await treeWith(server, projectId, { 'other.txt': 'other\n' }, start))
  })

  it('asked for twice, or five times at once, is one proposal as long as it is open', async () => {
    const projectId = await projectOf({ 'a.txt': numbered(30) })
    const id = await committed(projectId, change)
    const answers = await Promise.all(Array.from({ length: 5 }, () => revert(server, id)))
    const first = answers[0]?.id ?? ''
    expect(answers.map((answer) => answer.id)).toEqual(Array(5).fill(first))
    expect((await revert(server, id)).id).toBe(first)
    const refs = await gitOf(
      server,
      projectId,
      'for-each-ref',
      '--format=%(refname:lstrip=3)',
      'refs/countersign/diffs',
    )
    expect(refs.split('\n').toSorted()).toEqual([rowId(id), rowId(first)].toSorted())
    const diff = await shownDiff(server, first)
    const evaluation = { contentHash: diff.contentHash, baseCommit: diff.baseCommit, safety: diff.safety }
    expect(await review(server, { id: first, ...evaluation }, { verdict: 'REJECT' })).toMatchObject({
      status: 'HUMAN_REJECTED',
    })
    expect((await revert(server, id)).id).not.toBe(first)
  })

  it('of two people is two proposals', async () => {
    const projectId = await projectOf({ 'a.txt': numbered(30) })
    const ada = await actorWithToken(server, { name: 'Ada', role: 'AUTHOR' })
    const id = await committed(projectId, change)
    const [mine, theirs] = [await revert(server, id), await revert(server, id, ada.token)]
    expect(theirs).toMatchObject({ __typename: 'Diff', author: { id: ada.id } })
    expect(theirs.id).not.toBe(mine.id)
  })

  it('is rebased like any other diff when the branch moves on', async () => {
    const projectId = await projectOf({ 'a.txt': numbered(30) })
    const id = await committed(projectId, change)
    const proposal = await revert(server, id)
    await branchHas(server, projectId, { 'b.txt': 'b\n' })
    const fresh = await rebase(server, proposal.id)
    expect(fresh).toMatchObject({ origin: 'REVERT', commitMessage: proposal.commitMessage })
    expect(await commit(server, fresh.id)).toMatchObject({ status: 'COMMITTED' })
    expect(await treeOf(projectId)).toBe(await treeWith(server, projectId, { 'a.txt': numbered(30) }))
  })
})

describe('what cannot be reverted changes nothing:', () => {
  it('a conflict, which names the paths', async () => {
    const projectId = await projectOf({ 'a.txt': numbered(30), 'b.txt': 'b\n' })
    const id = await committed(projectId, { ...change, 'b.txt': 'c\n' })
    await branchHas(server, projectId, { 'a.txt': numbered(30, { 15: 'quinze' }), 'b.txt': null })
    await refused(() => revert(server, id), projectId, {
      __typename: 'RebaseConflictError',
      paths: ['a.txt', 'b.txt'],
    })
  })

  it('what is reverted already', async () => {
    const projectId = await projectOf({ 'a.txt': numbered(30) })
    const id = await committed(projectId, change)
    await commit(server, (await revert(server, id)).id)
    const answer = await refused(() => revert(server, id), projectId, {
      __typename: 'PatchRejectedError',
      reason: 'NO_CHANGE',
    })
    expect(answer.message).toBe('The branch main no longer has this change.')
  })

  it('what leaves code that does not parse', async () => {
    const projectId = await projectOf({ 'a.py': 'def\n' })
    const id = await committed(projectId, { 'a.py': 'x = 1\n' })
    await refused(() => revert(server, id), projectId, { __typename: 'SyntaxRejectedError' })
  })

  it('a diff of any other status', async () => {
    const projectId = await projectOf({ 'a.txt': numbered(30) })
    const { id } = await proposed(server, projectId, { content: await patchOf(server, projectId, change) })
    for (const status of diffStatuses.filter((each) => each !== 'COMMITTED')) {
      await sqlOf(server, 'update diff set status = $2 where id = $1', [rowId(id), status])
      const answer = await refused(() => revert(server, id), projectId, {
        __typename: 'InvalidTransitionError',
        from: status,
      })
      expect(answer.message).toContain('Only what is COMMITTED can be reverted.')
    }
  })

  it('for who may not propose, or not even see it', async () => {
    const projectId = await projectOf({ 'a.txt': numbered(30) })
    const id = await committed(projectId, change)
    const [viewer, stranger] = await Promise.all([
      actorWithToken(server, { role: 'VIEWER' }),
      actorWithToken(server, {}),
    ])
    await refused(() => revert(server, id, viewer.token), projectId, {
      __typename: 'ForbiddenError',
      requiredRole: 'AUTHOR',
    })
    await refused(() => revert(server, id, stranger.token), projectId, { __typename: 'NotFoundError' })
    await refused(() => revert(server, projectId), projectId, { __typename: 'NotFoundError' })
  })

  it('in an archived project', async () => {
    const projectId = await projectOf({ 'a.txt': numbered(30) })
    const id = await committed(projectId, change)
    await server.query('mutation ($id: ID!) { archiveProject(id: $id) { __typename } }', { id: projectId })
    await refused(() => revert(server, id), projectId, { __typename: 'InvalidTransitionError', to: 'READY' })
  })
})
