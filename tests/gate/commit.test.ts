import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  commit,
  commitBehindOurBack,
  diffState,
  gitOf,
  propose,
  proposed,
  review,
  type ShownDiff,
  sqlOf,
} from '../factories/gate.ts'
import { actorWithToken, addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false })
})
afterAll(() => server[Symbol.asyncDispose]())

const note = addsFile('note.txt', ['A note.'])

const approved = async (projectId: string, content = note, token?: string): Promise<ShownDiff> => {
  const diff = await proposed(server, projectId, { content, commitMessage: 'Add it\n\nFixes: #1' }, token)
  expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
  return diff
}

const history = async (projectId: string) => (await gitOf(server, projectId, 'rev-list', 'main')).split('\n')

describe.concurrent('what is committed', () => {
  it('is the approved tree on its base, with the stored people, dates and trailers, and nothing else', async () => {
    const projectId = await readyProject(server)
    const author = await actorWithToken(server, { kind: 'HUMAN', name: 'Ada <b>', role: 'AUTHOR' })
    const diff = await approved(projectId, note, author.token)
    const { resultTree } = await diffState(server, diff.id)
    const answer = await commit(server, diff.id)
    expect(answer).toMatchObject({ __typename: 'Diff', status: 'COMMITTED' })
    const [row] = await sqlOf(server, 'select created_at, commit_intent, commit_oid from diff where id = $1', [
      rowId(diff.id),
    ])
    const [committer] = await sqlOf(server, "select id from actor where name = 'Administrator'")
    const shown = await gitOf(
      server,
      projectId,
      'log',
      '-1',
      '--format=%H%n%T%n%P%n%an <%ae> %at%n%cn <%ce>%n%B',
      'main',
    )
    expect(shown.split('\n')).toEqual([
      answer.commit?.oid,
      resultTree,
      diff.baseCommit,
      `Ada  b <${rowId(author.id)}@countersign.invalid> ${Math.floor(Number(row?.created_at) / 1000)}`,
      `Administrator <${committer?.id}@countersign.invalid>`,
      'Add it',
      '',
      'Fixes: #1',
      '',
      `Countersign-Diff: ${rowId(diff.id)}`,
      `Reviewed-by: Administrator <${committer?.id}@countersign.invalid>`,
      expect.stringMatching(/^Countersign-Evidence: sha256:[0-9a-f]{64}$/),
    ])
    expect(row).toMatchObject({ commit_intent: null, commit_oid: answer.commit?.oid })
    expect(await gitOf(server, projectId, 'show', 'main:note.txt')).toBe('A note.')
    expect(await gitOf(server, projectId, 'fsck', '--strict', '--no-dangling')).toBe('')
  })

  it('is one of two that are committed at once on one base; the other is told where the branch is', async () => {
    const projectId = await readyProject(server)
    const diffs = await Promise.all([
      approved(projectId, addsFile('a.txt', ['a'])),
      approved(projectId, addsFile('b.txt', ['b'])),
      approved(projectId, addsFile('c.txt', ['c'])),
    ])
    const answers = await Promise.all(diffs.flatMap(({ id }) => [commit(server, id), commit(server, id)]))
    const won = answers.filter(({ __typename }) => __typename === 'Diff')
    expect(won).toHaveLength(1)
    const [head, ...rest] = await history(projectId)
    expect(rest).toEqual([diffs[0]?.baseCommit])
    expect(won[0]?.commit?.oid).toBe(head)
    for (const [index, diff] of diffs.entries()) {
      const pair = answers.slice(2 * index, 2 * index + 2)
      if (pair.some(({ __typename }) => __typename === 'Diff')) continue
      for (const answer of pair) {
        expect(answer).toMatchObject({ __typename: 'BaseDriftError', expected: diff.baseCommit, actual: head })
      }
      expect(await diffState(server, diff.id)).toMatchObject({ status: 'HUMAN_REVIEWING', drifted: true })
    }
  })

  it('is nothing when somebody moved the branch behind our back', async () => {
    const projectId = await readyProject(server)
    const diff = await approved(projectId)
    const theirs = await commitBehindOurBack(server, projectId)
    const refs = await gitOf(server, projectId, 'for-each-ref')
    for (let time = 0; time < 2; time += 1) {
      const answer = await commit(server, diff.id)
      expect(answer).toMatchObject({ __typename: 'BaseDriftError', expected: diff.baseCommit, actual: theirs })
      expect(answer.message).toContain('main')
    }
    expect(await gitOf(server, projectId, 'for-each-ref')).toBe(refs)
    expect(await diffState(server, diff.id)).toMatchObject({ status: 'HUMAN_REVIEWING', drifted: true })
    await gitOf(server, projectId, 'update-ref', 'refs/heads/main', diff.baseCommit)
    expect(await commit(server, diff.id)).toMatchObject({ status: 'COMMITTED' })
    expect((await diffState(server, diff.id)).drifted).toBe(false)
  })

  it('is nothing when somebody removed the branch', async () => {
    const projectId = await readyProject(server)
    const diff = await approved(projectId)
    await gitOf(server, projectId, 'update-ref', '-d', 'refs/heads/main')
    expect(await commit(server, diff.id)).toMatchObject({ __typename: 'BaseDriftError', actual: 'nothing' })
    expect(await propose(server, projectId, { content: note })).toMatchObject({ __typename: 'ValidationError' })
  })
})
