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

describe.concurrent('who counts', () => {
  it('one person approving twice counts once, and two are two', async () => {
    const projectId = await readyProject(server, { policy: { requiredApprovals: 2 } })
    const diff = await proposedDiff(server, projectId, note)
    for (let time = 0; time < 2; time += 1) {
      expect(await review(server, diff)).toMatchObject({ status: 'HUMAN_REVIEWING' })
    }
    expect(await diffState(server, diff.id)).toMatchObject({ approval: { given: 1 }, reviews: [{}] })
    // Who proposed it has approved it: they count no second time.
    await refused(diff.id, ['1 more approval by another person with the role REVIEWER'])
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

  it('an approval that is not the last one that is needed is told to whoever follows, too', async () => {
    const projectId = await readyProject(server, { policy: { requiredApprovals: 3 } })
    const diff = await proposedDiff(server, projectId, note)
    const told = async () =>
      (
        await sqlOf(server, `select body->>'status' as status from event where diff_id = $1 order by id`, [
          rowId(diff.id),
        ])
      ).map(({ status }) => status)
    await review(server, diff)
    await review(server, diff)
    await review(server, diff, { token: reviewer.token })
    expect(await told()).toEqual(['PROPOSED', 'HUMAN_REVIEWING', 'HUMAN_REVIEWING'])
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
})

it('nobody takes up or decides a diff of an archived project', async () => {
  const projectId = await readyProject(server)
  const diff = await proposed(server, projectId, { content: note })
  await server.query('mutation ($id: ID!) { archiveProject(id: $id) { __typename } }', { id: projectId })
  const { openReview } = await server.query(
    'mutation ($id: ID!) { openReview(diffId: $id) { __typename ... on InvalidTransitionError { from } } }',
    { id: diff.id },
  )
  expect(openReview).toEqual({ __typename: 'InvalidTransitionError', from: 'ARCHIVED' })
  expect(await review(server, diff)).toMatchObject({ __typename: 'InvalidTransitionError' })
  expect(await review(server, diff, { verdict: 'REJECT' })).toMatchObject({ __typename: 'InvalidTransitionError' })
  expect(await diffState(server, diff.id)).toMatchObject({ status: 'PROPOSED', reviews: [] })
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
    expect(answer.message).toContain('the server appends the trailers')
  })
})
