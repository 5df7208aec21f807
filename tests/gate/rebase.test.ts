import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { diffStatuses, diffTransitions } from '../../src/domain/diff/diff.status.ts'
import {
  branchHas,
  type DiffAnswer,
  type FileContents,
  numbered,
  patchOf,
  rebase,
  shownDiff,
  tracesOf,
  treeWith,
} from '../factories/diff-commands.ts'
import { gitOf, proposed, type ShownDiff, sqlOf } from '../factories/gate.ts'
import { actorWithToken, readyProject, rowId } from '../factories/pipeline.ts'
import { testCase } from '../factories/testing.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false, pools: { maintenance: 1 } })
})
afterAll(() => server[Symbol.asyncDispose]())

const projectOf = async (files: FileContents): Promise<string> => {
  const projectId = await readyProject(server)
  await branchHas(server, projectId, files)
  return projectId
}

const proposedFiles = async (projectId: string, files: FileContents, token?: string): Promise<ShownDiff> =>
  proposed(server, projectId, { content: await patchOf(server, projectId, files), commitMessage: 'Change it' }, token)

/** Asks for what is refused, and shows that nothing was stored or changed. */
const refused = async (work: () => Promise<DiffAnswer>, projectId: string, expected: object): Promise<DiffAnswer> => {
  const before = await tracesOf(server, projectId)
  const answer = await work()
  expect(answer).toMatchObject(expected)
  expect(await tracesOf(server, projectId)).toEqual(before)
  return answer
}

describe.concurrent('a rebased diff', () => {
  it('is the change on the head, in the place of the old one, linked both ways', async () => {
    const projectId = await projectOf({ 'a.txt': numbered(30), 'b.txt': 'b\n' })
    await testCase(server, projectId, { name: 'quick', command: ['true'] })
    await testCase(server, projectId, { name: 'slow', command: ['true'], quick: false })
    const author = await actorWithToken(server, { name: 'Ada', role: 'AUTHOR' })
    const old = await proposedFiles(projectId, { 'a.txt': numbered(30, { 20: 'twenty' }) }, author.token)
    const head = await branchHas(server, projectId, { 'a.txt': `zero\n${numbered(30)}`, 'b.txt': 'c\n' })
    expect((await shownDiff(server, old.id)).drifted).toBe(true)
    const fresh = await rebase(server, old.id)
    const before = await shownDiff(server, old.id)
    expect(fresh).toMatchObject({
      __typename: 'Diff',
      status: 'PROPOSED',
      origin: 'EXTERNAL',
      baseCommit: head,
      drifted: false,
      commitMessage: 'Change it',
      iteration: 1,
      author: { id: author.id },
      supersedes: { id: old.id },
      changeHash: before.changeHash,
      safety: { reportHash: before.safety.reportHash },
      latestTestRun: { status: 'QUEUED', total: 1 },
    })
    expect(before).toMatchObject({ status: 'SUPERSEDED', supersededBy: { id: fresh.id } })
    expect(fresh.safety.evaluationHash).not.toBe(before.safety.evaluationHash)
    expect(fresh.resultTree).toBe(
      await treeWith(server, projectId, { 'a.txt': `zero\n${numbered(30, { 20: 'twenty' })}` }),
    )
    const kept = await gitOf(server, projectId, 'rev-parse', `refs/countersign/diffs/${rowId(fresh.id)}^{tree}`)
    expect(kept).toBe(fresh.resultTree)
  })

  it('follows a file that the branch has renamed, and leaves a new file where it was approved', async () => {
    const projectId = await projectOf({ 'src/a.txt': numbered(30), 'src/b.txt': numbered(20) })
    const changed = numbered(30, { 20: 'twenty' })
    const { id } = await proposedFiles(projectId, { 'src/a.txt': changed, 'src/new.txt': 'new\n' })
    await branchHas(server, projectId, {
      'src/a.txt': null,
      'src/b.txt': null,
      'lib/a.txt': numbered(30),
      'lib/b.txt': numbered(20),
    })
    const fresh = await rebase(server, id)
    expect(fresh.resultTree).toBe(await treeWith(server, projectId, { 'lib/a.txt': changed, 'src/new.txt': 'new\n' }))
  })

  it('keeps binary contents, modes, renames and text of other encodings to the byte', async () => {
    const latin = (text: string) => Buffer.from(text, 'latin1')
    const projectId = await projectOf({
      'a.bin': Buffer.from([0, 1, 2]),
      run: 'x\n',
      'old.txt': numbered(9),
      'latin.txt': latin(`h\xe9\n${numbered(30)}`),
      'crlf.txt': numbered(30).replaceAll('\n', '\r\n'),
    })
    const change: FileContents = {
      'a.bin': Buffer.from([0, 1, 2, 255, 254]),
      run: { content: Buffer.from('x\n'), mode: '100755' },
      'old.txt': null,
      'new.txt': numbered(9),
      'latin.txt': latin(`h\xe8\n${numbered(30)}`),
      'crlf.txt': numbered(30, { 9: 'nine' }).replaceAll('\n', '\r\n'),
      'empty.txt': '',
    }
    const { id } = await proposedFiles(projectId, change)
    await branchHas(server, projectId, { 'other.txt': 'other\n' })
    expect((await rebase(server, id)).resultTree).toBe(await treeWith(server, projectId, change))
  })

  it('of a branch that was set back has the change alone', async () => {
    const projectId = await projectOf({ 'a.txt': numbered(30) })
    const start = await gitOf(server, projectId, 'rev-parse', 'main')
    await branchHas(server, projectId, { 'lost.txt': 'lost\n' })
    const { id } = await proposedFiles(projectId, { 'a.txt': numbered(30, { 20: 'twenty' }) })
    await gitOf(server, projectId, 'update-ref', 'refs/heads/main', start)
    const fresh = await rebase(server, id)
    expect(fresh.files.map(({ path }) => path)).toEqual(['a.txt'])
    expect(fresh).toMatchObject({ baseCommit: start, supersedes: { id }, drifted: false })
  })
})

const wrapped = numbered(30).replaceAll(/line (\d+)/g, 'x$1 = $1')

describe('what cannot be rebased changes nothing:', () => {
  it('a diff that is on the head already, which is the answer', async () => {
    const projectId = await projectOf({ 'a.txt': 'a\n' })
    const { id } = await proposedFiles(projectId, { 'a.txt': 'b\n' })
    expect(await refused(() => rebase(server, id), projectId, { __typename: 'Diff', id, status: 'PROPOSED' })).toEqual(
      await shownDiff(server, id),
    )
  })

  it('a conflict, which names the paths', async () => {
    const projectId = await projectOf({ 'a.txt': 'a\n', 'b.txt': 'b\n', 'c.txt': 'c\n' })
    const { id } = await proposedFiles(projectId, { 'a.txt': 'x\n', 'b.txt': null, 'c.txt': 'd\n' })
    await branchHas(server, projectId, { 'a.txt': 'y\n', 'b.txt': 'z\n' })
    const expected = { __typename: 'RebaseConflictError', paths: ['a.txt', 'b.txt'] }
    const answer = await refused(() => rebase(server, id), projectId, expected)
    expect(answer.message).toMatch(/main now, in a\.txt, b\.txt/)
    expect(await shownDiff(server, id)).toMatchObject({ status: 'PROPOSED', supersededBy: null })
  })

  it('a conflict that attributes in the repository would hide', async () => {
    const projectId = await projectOf({ '.gitattributes': '* merge=union\n', 'a.txt': 'a\n' })
    const { id } = await proposedFiles(projectId, { 'a.txt': 'x\n' })
    await branchHas(server, projectId, { 'a.txt': 'y\n' })
    await refused(() => rebase(server, id), projectId, { __typename: 'RebaseConflictError', paths: ['a.txt'] })
  })

  it('a change that the branch has by now', async () => {
    const projectId = await projectOf({ 'a.txt': 'a\n' })
    const { id } = await proposedFiles(projectId, { 'a.txt': 'x\n' })
    await branchHas(server, projectId, { 'a.txt': 'x\n', 'b.txt': 'b\n' })
    const expected = { __typename: 'PatchRejectedError', reason: 'NO_CHANGE' }
    const answer = await refused(() => rebase(server, id), projectId, expected)
    expect(answer.message).toBe('The branch main has this change already.')
  })

  it('a merge that does not parse, although both sides do', async () => {
    const projectId = await projectOf({ 'a.py': wrapped })
    const { id } = await proposedFiles(projectId, { 'a.py': wrapped.replace('x15 = 15', 'x15 = """a"""') })
    await branchHas(server, projectId, { 'a.py': `"""\n${wrapped}"""\n` })
    await refused(() => rebase(server, id), projectId, { __typename: 'SyntaxRejectedError' })
  })

  it('a branch that is gone', async () => {
    const projectId = await projectOf({ 'a.txt': 'a\n' })
    const { id } = await proposedFiles(projectId, { 'a.txt': 'x\n' })
    await gitOf(server, projectId, 'update-ref', '-d', 'refs/heads/main')
    await refused(() => rebase(server, id), projectId, { __typename: 'ValidationError' })
  })
})

describe.concurrent('who may rebase', () => {
  it('the author, the requester and whoever may review; nobody else', async () => {
    const projectId = await projectOf({ 'a.txt': 'a\n' })
    const [author, requester, other, reviewer, viewer, stranger] = await Promise.all([
      actorWithToken(server, { role: 'AUTHOR' }),
      actorWithToken(server, { role: 'AUTHOR' }),
      actorWithToken(server, { role: 'AUTHOR' }),
      actorWithToken(server, { role: 'REVIEWER' }),
      actorWithToken(server, { role: 'VIEWER' }),
      actorWithToken(server, {}),
    ])
    const diffs: string[] = []
    for (const path of ['1', '2', '3', '4']) {
      const { id } = await proposedFiles(projectId, { [path]: 'new\n' }, author.token)
      await sqlOf(server, 'update diff set requested_by_id = $2 where id = $1', [rowId(id), rowId(requester.id)])
      diffs.push(id)
    }
    await branchHas(server, projectId, { 'a.txt': 'b\n' })
    const [last = '', ...rest] = diffs
    for (const [index, { token }] of [author, requester, reviewer].entries()) {
      expect(await rebase(server, rest[index] ?? '', token)).toMatchObject({ status: 'PROPOSED' })
    }
    for (const [{ token }, expected] of [
      [other, { __typename: 'ForbiddenError', requiredRole: 'REVIEWER' }],
      [viewer, { __typename: 'ForbiddenError', requiredRole: 'REVIEWER' }],
      [stranger, { __typename: 'NotFoundError' }],
    ] as const) {
      expect(await rebase(server, last, token)).toMatchObject(expected)
    }
    expect(await rebase(server, projectId)).toMatchObject({ __typename: 'NotFoundError' })
    expect((await shownDiff(server, last)).status).toBe('PROPOSED')
  })

  it('is asked of the transition table', async () => {
    const projectId = await projectOf({ 'a.txt': 'a\n' })
    const diffs: string[] = []
    for (const status of diffStatuses) {
      const { id } = await proposedFiles(projectId, { [status]: 'new\n' })
      await sqlOf(server, 'update diff set status = $2 where id = $1', [rowId(id), status])
      diffs.push(id)
    }
    await branchHas(server, projectId, { 'a.txt': 'x\n' })
    for (const [index, status] of diffStatuses.entries()) {
      const id = diffs[index] ?? ''
      const answer = await rebase(server, id)
      const next: readonly string[] = diffTransitions[status]
      if (next.includes('SUPERSEDED')) expect(answer).toMatchObject({ status: 'PROPOSED', supersedes: { id } })
      else expect(answer).toMatchObject({ __typename: 'InvalidTransitionError', from: status, to: 'SUPERSEDED' })
    }
  })

  it('five at once: one is made, and the others are told', async () => {
    const projectId = await projectOf({ 'a.txt': 'a\n' })
    const { id } = await proposedFiles(projectId, { 'b.txt': 'b\n' })
    await branchHas(server, projectId, { 'a.txt': 'x\n' })
    const answers = await Promise.all(Array.from({ length: 5 }, () => rebase(server, id)))
    const made = answers.filter(({ __typename }) => __typename === 'Diff')
    expect(made).toHaveLength(1)
    expect(answers.filter(({ __typename }) => __typename === 'InvalidTransitionError')).toHaveLength(4)
    const refs = await gitOf(
      server,
      projectId,
      'for-each-ref',
      '--format=%(refname:lstrip=3)',
      'refs/countersign/diffs',
    )
    expect(refs.split('\n').toSorted()).toEqual([rowId(id), rowId(made[0]?.id ?? '')].toSorted())
    const again = await rebase(server, id)
    expect(again.message).toContain(`The diff ${rowId(made[0]?.id ?? '')} took its place.`)
  })
})
