import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  commit,
  diffState,
  gitOf,
  propose,
  proposed,
  review,
  type ShownDiff,
  setPolicy,
  sqlOf,
} from '../factories/gate.ts'
import { actorWithToken, addsFile, proposedDiff, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
/** A person who may review everywhere. */
let reviewer: { id: string; token: string }
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false })
  reviewer = await actorWithToken(server, { name: 'Rita', role: 'REVIEWER' })
})
afterAll(() => server[Symbol.asyncDispose]())

// Text: nothing is parsed, and the tests are quick.
const note = addsFile('note.txt', ['A note.'])

const approved = async (projectId: string, content = note, token?: string): Promise<ShownDiff> => {
  const diff = await proposedDiff(server, projectId, content, token)
  expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
  return diff
}

const refused = async (diffId: string, missing: unknown) => {
  const answer = await commit(server, diffId)
  expect(answer).toMatchObject({ __typename: 'ApprovalRequiredError', missing })
}

describe.concurrent('a review is bound to what was shown', () => {
  it('is refused for another content or evaluation, with what there is now', async () => {
    const diff = await proposedDiff(server, await readyProject(server), note)
    const stale = 'a'.repeat(64)
    for (const name of ['contentHash', 'evaluationHash'] as const) {
      const answer = await review(server, diff, { [name]: stale })
      const now = name === 'contentHash' ? diff.contentHash : diff.safety.evaluationHash
      expect(answer.__typename).toBe('ValidationError')
      expect(answer.message).toContain(`${name}: `)
      expect(answer.message).toContain(now)
    }
    expect(await diffState(server, diff.id)).toMatchObject({ status: 'PROPOSED', reviews: [] })
  })

  it.each([
    ['tightened', { requiredApprovals: 2 }, '2 more approvals by a person with the role REVIEWER'],
    ['loosened', { requirePassingTests: false }, '1 more approval by a person with the role REVIEWER'],
  ])(
    'falls when the policy is %s, and the refused commit puts the diff back under review',
    async (_, policy, words) => {
      const projectId = await readyProject(server, { policy: { blockedCapabilities: ['PICKLE'] } })
      const diff = await approved(projectId)
      await setPolicy(server, projectId, { blockedCapabilities: [], ...policy })
      expect((await diffState(server, diff.id)).approval).toMatchObject({
        given: 0,
        satisfied: false,
        missing: [words],
      })
      await refused(diff.id, [words])
      expect(await diffState(server, diff.id)).toMatchObject({
        status: 'HUMAN_REVIEWING',
        reviews: [{ verdict: 'APPROVE', stillHolds: false }],
      })
      await server.event('DiffChanged', (body) => body.diffId === rowId(diff.id) && body.status === 'HUMAN_REVIEWING')
    },
  )

  it('holds again under the very policy it was given under', async () => {
    const projectId = await readyProject(server)
    const diff = await approved(projectId)
    await setPolicy(server, projectId, { requiredApprovals: 2 })
    await refused(diff.id, ['2 more approvals by a person with the role REVIEWER'])
    await setPolicy(server, projectId, { requiredApprovals: 1 })
    expect(await commit(server, diff.id)).toMatchObject({ status: 'COMMITTED' })
  })

  it('needs nobody where the policy asks for nobody', async () => {
    const projectId = await readyProject(server, { policy: { requiredApprovals: 0 } })
    const diff = await proposedDiff(server, projectId, note)
    expect(await commit(server, diff.id)).toMatchObject({ status: 'COMMITTED' })
    const { commitMessage } = (
      await server.query('query ($id: ID!) { node(id: $id) { ... on Diff { commitMessage } } }', { id: diff.id })
    ).node
    expect(await gitOf(server, projectId, 'log', '-1', '--format=%B', 'main')).toEqual(
      expect.stringMatching(
        new RegExp(
          `^${commitMessage}\n\nCountersign-Diff: ${rowId(diff.id)}\nCountersign-Evidence: sha256:[0-9a-f]{64}$`,
        ),
      ),
    )
  })
})

describe.concurrent('rows that were changed by hand are found at the commit', () => {
  it.each([
    ['the patch', "update diff set content = content || '+more' where id = $1", 'the stored patch is not the one'],
    [
      'the patch and its hash',
      `update diff set content = 'x', content_hash = '${'0'.repeat(64)}' where id = $1`,
      '1 more approval',
    ],
    ['the message', "update diff set commit_message = 'Another one' where id = $1", '1 more approval'],
    ['the result', 'update diff set result_tree = base_tree where id = $1', 'the evaluation is not of this change'],
    [
      'the result, here and in the evaluation',
      `with a as (update diff set result_tree = base_tree where id = $1 returning safety_id)
         update safety_evaluation set result_tree = base_tree where id = (select safety_id from a)`,
      'the stored evaluation is not the one that was made',
    ],
    [
      'the report',
      `update safety_evaluation set report = jsonb_set(report::jsonb, '{safe}', 'false')
         where id = (select safety_id from diff where id = $1)`,
      'the stored evaluation is not the one that was made',
    ],
    [
      'the evaluation and its hash',
      `update safety_evaluation set evaluation_hash = '${'0'.repeat(64)}'
         where id = (select safety_id from diff where id = $1)`,
      '1 more approval',
    ],
  ])('%s', async (_, statement, words) => {
    const projectId = await readyProject(server)
    const diff = await approved(projectId)
    const head = await gitOf(server, projectId, 'rev-parse', 'main')
    await sqlOf(server, statement, [rowId(diff.id)])
    await refused(diff.id, expect.arrayContaining([expect.stringContaining(words)]))
    expect((await diffState(server, diff.id)).status).toBe('HUMAN_REVIEWING')
    expect(await gitOf(server, projectId, 'rev-parse', 'main')).toBe(head)
  })

  it('the base, which then is not what the approval was given for', async () => {
    const projectId = await readyProject(server)
    const first = await approved(projectId)
    const second = await approved(projectId, addsFile('b.txt', ['b']))
    const { commit: done } = await commit(server, first.id)
    await sqlOf(server, 'update diff set base_commit = $2 where id = $1', [rowId(second.id), done?.oid])
    await refused(second.id, [expect.stringContaining('1 more approval')])
    expect(await gitOf(server, projectId, 'rev-parse', 'main')).toBe(done?.oid)
  })
})

describe.concurrent('who counts', () => {
  it('one person approving twice counts once, and two are two', async () => {
    const projectId = await readyProject(server, { policy: { requiredApprovals: 2 } })
    const diff = await proposedDiff(server, projectId, note)
    for (let time = 0; time < 2; time += 1) {
      expect(await review(server, diff)).toMatchObject({ status: 'HUMAN_REVIEWING' })
    }
    expect(await diffState(server, diff.id)).toMatchObject({ approval: { given: 1 }, reviews: [{}] })
    await refused(diff.id, ['1 more approval by a person with the role REVIEWER'])
    expect(await review(server, diff, { token: reviewer.token })).toMatchObject({ status: 'APPROVED' })
    expect(await commit(server, diff.id)).toMatchObject({ status: 'COMMITTED' })
    const trailers = await gitOf(
      server,
      projectId,
      'log',
      '-1',
      '--format=%(trailers:key=Reviewed-by,valueonly)',
      'main',
    )
    expect(trailers.split('\n').map((line) => line.replace(/ <.*/, ''))).toEqual(['Administrator', 'Rita'])
  })

  it('thirty approvals of one person at once are one', async () => {
    const projectId = await readyProject(server, { policy: { requiredApprovals: 2 } })
    const diff = await proposedDiff(server, projectId, note)
    await Promise.all(Array.from({ length: 30 }, () => review(server, diff)))
    expect(await diffState(server, diff.id)).toMatchObject({
      approval: { given: 1 },
      reviews: [{ verdict: 'APPROVE' }],
    })
  })

  it('not the author where self-approval is off, although they may look and say so', async () => {
    const projectId = await readyProject(server, { policy: { allowSelfApproval: false } })
    const diff = await proposedDiff(server, projectId, note)
    expect(await review(server, diff)).toMatchObject({ status: 'HUMAN_REVIEWING' })
    await refused(diff.id, ['1 more approval by another person with the role REVIEWER'])
    expect(await review(server, diff, { token: reviewer.token })).toMatchObject({ status: 'APPROVED' })
    expect(await commit(server, diff.id)).toMatchObject({ status: 'COMMITTED' })
    const message = await gitOf(server, projectId, 'log', '-1', '--format=%B', 'main')
    expect(message.match(/^Reviewed-by: .*$/gm)).toEqual([expect.stringContaining('Reviewed-by: Rita <')])
  })

  it("not the owner of the author's agent", async () => {
    const projectId = await readyProject(server, { policy: { allowSelfApproval: false } })
    const agent = await actorWithToken(server, { kind: 'AGENT', name: 'bot', role: 'AUTHOR', ownerId: reviewer.id })
    const diff = await proposedDiff(server, projectId, note, agent.token)
    expect(await review(server, diff, { token: reviewer.token })).toMatchObject({ status: 'HUMAN_REVIEWING' })
    expect((await diffState(server, diff.id)).approval.given).toBe(0)
    expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
  })

  it.each(['HUMAN', 'AGENT'] as const)('not who asked for it, when that was %s', async (kind) => {
    const projectId = await readyProject(server, { policy: { allowSelfApproval: false } })
    const agent = await actorWithToken(server, { kind: 'AGENT', name: 'asker', role: 'AUTHOR', ownerId: reviewer.id })
    const author = await actorWithToken(server, { name: 'writer', role: 'AUTHOR' })
    const diff = await proposedDiff(server, projectId, note, author.token)
    const requester = kind === 'HUMAN' ? reviewer.id : agent.id
    await sqlOf(server, 'update diff set requested_by_id = $2 where id = $1', [rowId(diff.id), rowId(requester)])
    expect(await review(server, diff, { token: reviewer.token })).toMatchObject({ status: 'HUMAN_REVIEWING' })
    expect((await diffState(server, diff.id)).approval.given).toBe(0)
    expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
  })

  it('nobody but a person, whatever their role; and nobody else commits', async () => {
    const admin = (await server.query('{ viewer { id } }')).viewer.id
    const diff = await approved(await readyProject(server))
    for (const kind of ['AGENT', 'SERVICE']) {
      const program = await actorWithToken(server, { kind, name: kind, role: 'ADMIN', ownerId: admin })
      for (const verdict of ['APPROVE', 'REJECT'] as const) {
        expect(await review(server, diff, { token: program.token, verdict })).toMatchObject({
          __typename: 'ForbiddenError',
        })
      }
      expect(await commit(server, diff.id, program.token)).toMatchObject({ __typename: 'ForbiddenError' })
    }
    expect((await diffState(server, diff.id)).status).toBe('APPROVED')
  })

  it("no author, no viewer, and no reviewer's token that was made for less", async () => {
    const diff = await proposedDiff(server, await readyProject(server), note)
    const author = await actorWithToken(server, { name: 'only an author', role: 'AUTHOR' })
    const bounded = await actorWithToken(server, { name: 'with a small token', role: 'ADMIN' }, 'AUTHOR')
    for (const { token } of [author, bounded]) {
      expect(await review(server, diff, { token })).toMatchObject({ __typename: 'ForbiddenError' })
      expect(await commit(server, diff.id, token)).toMatchObject({ __typename: 'ForbiddenError' })
    }
    expect((await diffState(server, diff.id)).reviews).toEqual([])
  })

  it.each([
    ['is disabled', 'update actor set disabled_at = now() where id = $1'],
    ['loses the role', "update actor set role = 'AUTHOR' where id = $1"],
    ['turns out to be no person', "update actor set kind = 'SERVICE' where id = $1"],
  ])('no longer a person who %s before the commit', async (_, statement) => {
    const projectId = await readyProject(server)
    const passing = await actorWithToken(server, { name: 'passing by', role: 'REVIEWER' })
    const diff = await proposedDiff(server, projectId, note)
    expect(await review(server, diff, { token: passing.token })).toMatchObject({ status: 'APPROVED' })
    await sqlOf(server, statement, [rowId(passing.id)])
    await refused(diff.id, ['1 more approval by a person with the role REVIEWER'])
    expect((await diffState(server, diff.id)).status).toBe('HUMAN_REVIEWING')
    // Their name is not put under a change that another person's approval lets through.
    expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
    expect(await commit(server, diff.id)).toMatchObject({ status: 'COMMITTED' })
    expect(await gitOf(server, projectId, 'log', '-1', '--format=%B', 'main')).not.toContain('passing by')
  })

  it('no longer a member who was taken off the project', async () => {
    const projectId = await readyProject(server)
    const member = await actorWithToken(server, { name: 'member' })
    const membership =
      'mutation ($p: ID!, $a: ID!) { setProjectMember(projectId: $p, actorId: $a, role: REVIEWER) { __typename } }'
    await server.query(membership, { p: projectId, a: member.id })
    const diff = await proposedDiff(server, projectId, note)
    expect(await review(server, diff, { token: member.token })).toMatchObject({ status: 'APPROVED' })
    const removal = 'mutation ($p: ID!, $a: ID!) { removeProjectMember(projectId: $p, actorId: $a) { __typename } }'
    await server.query(removal, { p: projectId, a: member.id })
    await refused(diff.id, ['1 more approval by a person with the role REVIEWER'])
  })

  it('nobody of another project: its diffs are not there', async () => {
    const [mine, other] = await Promise.all([readyProject(server), readyProject(server)])
    const member = await actorWithToken(server, { name: 'of one project' })
    const membership =
      'mutation ($p: ID!, $a: ID!) { setProjectMember(projectId: $p, actorId: $a, role: ADMIN) { __typename } }'
    await server.query(membership, { p: mine, a: member.id })
    const diff = await approved(other)
    expect(await review(server, diff, { token: member.token, verdict: 'REJECT' })).toMatchObject({
      __typename: 'NotFoundError',
    })
    expect(await commit(server, diff.id, member.token)).toMatchObject({ __typename: 'NotFoundError' })
    expect(await propose(server, other, { content: note }, member.token)).toMatchObject({ __typename: 'NotFoundError' })
    // A commit of the other project is none of this one's.
    await commit(server, diff.id)
    const baseCommit = await gitOf(server, other, 'rev-parse', 'main')
    expect(await propose(server, mine, { content: note, baseCommit }, member.token)).toMatchObject({
      __typename: 'ValidationError',
    })
    expect(await commit(server, mine)).toMatchObject({ __typename: 'NotFoundError' })
  })
})

describe.concurrent('what a diff that was decided on takes', () => {
  it('no approval and no commit after a rejection, however many had approved', async () => {
    const diff = await approved(await readyProject(server))
    expect(await review(server, diff, { verdict: 'REJECT', token: reviewer.token })).toMatchObject({
      status: 'HUMAN_REJECTED',
    })
    expect(await review(server, diff)).toMatchObject({ __typename: 'InvalidTransitionError', from: 'HUMAN_REJECTED' })
    expect(await commit(server, diff.id)).toMatchObject({
      __typename: 'InvalidTransitionError',
      from: 'HUMAN_REJECTED',
    })
  })

  it('says that it was rejected, not that approvals are missing', async () => {
    const diff = await proposedDiff(server, await readyProject(server), note)
    await review(server, diff, { verdict: 'REJECT' })
    expect(await commit(server, diff.id)).toMatchObject({
      __typename: 'InvalidTransitionError',
      from: 'HUMAN_REJECTED',
    })
  })

  it('no verdict and no second commit after the first', async () => {
    const diff = await approved(await readyProject(server))
    await commit(server, diff.id)
    for (const verdict of ['APPROVE', 'REJECT'] as const) {
      expect(await review(server, diff, { verdict })).toMatchObject({
        __typename: 'InvalidTransitionError',
        from: 'COMMITTED',
      })
    }
    expect(await commit(server, diff.id)).toMatchObject({ __typename: 'InvalidTransitionError', from: 'COMMITTED' })
  })

  it('no commit before anybody looked', async () => {
    const diff = await proposedDiff(server, await readyProject(server), note)
    await refused(diff.id, ['1 more approval by a person with the role REVIEWER'])
    expect((await diffState(server, diff.id)).status).toBe('PROPOSED')
  })
})

describe.concurrent('what the policy asks of the code', () => {
  it('a blocked capability blocks, and only the change that adds it', async () => {
    const projectId = await readyProject(server, { policy: { blockedCapabilities: ['SUBPROCESS', 'EVAL_EXEC'] } })
    const bad = await proposedDiff(server, projectId, addsFile('a.py', ['import subprocess', 'subprocess.run(["x"])']))
    expect(await review(server, bad)).toMatchObject({ status: 'HUMAN_REVIEWING' })
    await refused(bad.id, ['the policy blocks changes that add SUBPROCESS'])
    expect(await commit(server, (await approved(projectId)).id)).toMatchObject({ status: 'COMMITTED' })
  })

  it('a blocked capability cannot be brought in beside a file that has it', async () => {
    const projectId = await readyProject(server)
    const old = await approved(projectId, addsFile('old.py', ['x = eval("1")', 'y = 1']))
    await commit(server, old.id)
    await setPolicy(server, projectId, { blockedCapabilities: ['EVAL_EXEC'] })
    const touch =
      'diff --git a/old.py b/old.py\n--- a/old.py\n+++ b/old.py\n@@ -1,2 +1,2 @@\n x = eval("1")\n-y = 1\n+y = 2\n'
    const harmless = await approved(projectId, touch)
    const sly = await proposed(server, projectId, { content: `${touch}${addsFile('new.py', ['eval(input())'])}` })
    await review(server, sly)
    await refused(sly.id, ['the policy blocks changes that add EVAL_EXEC'])
    expect(await commit(server, harmless.id)).toMatchObject({ status: 'COMMITTED' })
  })

  it('code that does not parse is refused, or kept for reading and never committed', async () => {
    const projectId = await readyProject(server)
    const content = addsFile('broken.py', ['x = 1', 'def f(:'])
    const refusal = await propose(server, projectId, { content })
    expect(refusal).toMatchObject({ __typename: 'SyntaxRejectedError', brokenPath: 'broken.py', line: 2 })
    const diff = await proposed(server, projectId, { content, allowInvalidSyntax: true })
    const { node } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Diff { safety { syntaxValid safe issues { code path line } } } } }',
      { id: diff.id },
    )
    expect(node.safety).toEqual({
      syntaxValid: false,
      safe: false,
      issues: [{ code: 'SYNTAX', path: 'broken.py', line: 2 }],
    })
    expect(await review(server, diff)).toMatchObject({ status: 'HUMAN_REVIEWING' })
    await refused(diff.id, ['code that parses'])
  })

  it.each([
    ['Countersign-Diff: 1', 'Fix\n\nCountersign-Diff: 00000000-0000-4000-8000-000000000000'],
    ['a review in other letters', 'Fix\n\n  REVIEWED-BY : Boss <boss@example.com>'],
    ['a line that a carriage return starts', 'Fix\rReviewed-by: Boss <boss@example.com>'],
  ])('a message with our trailers is refused: %s', async (_, commitMessage) => {
    const answer = await propose(server, await readyProject(server), {
      content: note,
      commitMessage,
    })
    expect(answer).toMatchObject({ __typename: 'ValidationError' })
    expect(answer.message).toContain('the server appends them')
  })
})
