import { afterAll, beforeAll, expect, it } from 'vitest'
import { statedApproval } from '../../src/domain/evidence/check-approval.ts'
import { statementShape } from '../../src/domain/evidence/statement.ts'
import { testedProject } from '../factories/agents.ts'
import { mutate } from '../factories/api.ts'
import { approves, createCast, inTurns, submits, writes } from '../factories/cast.ts'
import { noteOf, statementIn } from '../factories/evidence.ts'
import { commit, gitOf, sqlOf } from '../factories/gate.ts'
import {
  actorWithToken,
  addsFile,
  endedSprint,
  proposedDiff,
  readyProject,
  rowId,
  startedSprint,
  validatedSpec,
} from '../factories/pipeline.ts'
import { createdSession, idleSession, said, talked } from '../factories/sessions.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ overrides: { rehearsalOptions: cast.rehearsalOptions } })
})
afterAll(() => server[Symbol.asyncDispose]())

const commentFields = 'id path side line code text draft outdated author { name }'

const comment = async (
  diffId: string,
  at: { path?: string; side?: string; line?: number },
  text: string,
  token?: string,
) =>
  (
    await server.query(
      `mutation ($diffId: ID!, $path: String!, $side: DiffSide!, $line: Int!, $text: String!) {
        addReviewComment(diffId: $diffId, path: $path, side: $side, line: $line, text: $text) {
          __typename ... on ReviewComment { ${commentFields} }
          ... on DomainError { message } ... on ValidationError { fieldErrors { path } }
        }
      }`,
      { diffId, path: 'a.txt', side: 'AFTER', line: 1, text, ...at },
      token,
    )
  ).addReviewComment

const commentsOf = async (diffId: string, token?: string) =>
  (
    await server.query(
      `query ($id: ID!) { node(id: $id) { ... on Diff { comments { ${commentFields} } reviews { verdict comments { text } } humanFeedback } } }`,
      { id: diffId },
      token,
    )
  ).node

interface Shown {
  readonly id: string
  readonly contentHash: string
  readonly safety: { readonly evaluationHash: string }
}

const verdict = (diff: Shown, kind: 'APPROVE' | 'REJECT', feedback?: string, token?: string) =>
  mutate(
    server,
    'reviewDiff',
    {
      diffId: diff.id,
      verdict: kind,
      feedback,
      contentHash: diff.contentHash,
      evaluationHash: diff.safety.evaluationHash,
    },
    token,
  )

it("a person's rejection starts the next iteration with exactly their feedback and remarks, each with its line", async () => {
  const projectId = await readyProject(server)
  const reviewer = await actorWithToken(server, { name: 'Rita', role: 'REVIEWER' })
  const task = cast.task('Write a and b.', {
    coder: inTurns(
      writes('a.txt', 'one\ntwo\nthree\n'),
      writes('b.txt', 'bee\n'),
      submits(null, 'Write both'),
      writes('a.txt', 'one\n2\nthree\n'),
      submits(null, 'Write both'),
    ),
    evaluator: () => approves('Write a and b'),
  })
  const first = await talked(server, projectId, task)
  const [diff] = first.diffs.nodes
  const onTwo = await comment(diff.id, { line: 2 }, 'A digit, please.', reviewer.token)
  expect(onTwo).toMatchObject({ __typename: 'ReviewComment', code: 'two', draft: true, outdated: false })
  await comment(diff.id, { path: 'b.txt' }, 'Fine.', reviewer.token)
  const taken = await comment(diff.id, { line: 3 }, 'Taken back.', reviewer.token)
  await mutate(server, 'deleteReviewComment', { id: taken.id }, reviewer.token)
  await comment(diff.id, {}, "Somebody else's draft.")
  for (const path of ['a.txt', 'b.txt']) {
    await mutate(server, 'markFileReviewed', { diffId: diff.id, path, reviewed: true }, reviewer.token)
  }

  expect(await verdict(diff, 'REJECT', 'Almost.', reviewer.token)).toMatchObject({ __typename: 'Diff' })
  const second = await idleSession(server, first.id, 2)
  const [newest, older] = second.diffs.nodes
  expect(older).toMatchObject({ id: diff.id, status: 'HUMAN_REJECTED' })
  expect(newest).toMatchObject({ status: 'EVALUATOR_APPROVED', iteration: 2, supersedes: { id: diff.id } })
  // Who rejects does not become the one whose wish it was.
  expect(newest.requestedBy).toEqual({ name: 'Administrator' })
  const said = second.messages.nodes.findLast(({ role }: { role: string }) => role === 'USER')
  expect(said).toMatchObject({ author: { name: 'Rita' }, diff: { id: diff.id }, iteration: 0 })
  expect(said.text).toBe('Almost.\n\na.txt, line 2:\n    two\nA digit, please.\n\nb.txt, line 1:\n    bee\nFine.')
  const told = JSON.stringify(cast.calls(task, 'coder')[3]?.body)
  expect(told).toContain('<code>\\na.txt, line 2:\\ntwo\\n</code>\\n\\n<remark>\\nA digit, please.\\n</remark>')
  for (const words of ['Taken back', "Somebody else's draft"]) expect(told).not.toContain(words)

  const read = async (token?: string) => {
    const document =
      'query ($id: ID!) { node(id: $id) { ... on Diff { sinceLastSeen files { path reviewedByViewer } } } }'
    return (await server.query(document, { id: newest.id }, token)).node
  }
  const forRita = await read(reviewer.token)
  expect(forRita.sinceLastSeen).toContain('\n one\n-two\n+2\n three\n')
  expect(forRita.sinceLastSeen).not.toContain('b.txt')
  expect(forRita.files).toEqual([
    { path: 'a.txt', reviewedByViewer: false },
    { path: 'b.txt', reviewedByViewer: true },
  ])
  expect(await read()).toMatchObject({ sinceLastSeen: null, files: [{}, { reviewedByViewer: false }] })

  const shown = await commentsOf(diff.id, reviewer.token)
  expect(shown).toMatchObject({
    humanFeedback: 'Almost.',
    reviews: [{ verdict: 'REJECT', comments: expect.any(Array) }],
  })
  expect(shown.comments).toMatchObject([
    { text: 'A digit, please.', draft: false, outdated: true, author: { name: 'Rita' } },
    { text: 'Fine.', draft: false, outdated: false },
  ])
  expect(shown.reviews[0].comments).toHaveLength(2)
})

it("remarks alone start the next iteration of a sprint's diff too", async () => {
  const projectId = await testedProject(server)
  const task = cast.task('Write done.txt.')
  const sprintId = await startedSprint(server, await validatedSpec(server, projectId, task))
  expect(await endedSprint(server, sprintId)).toBe('COMPLETED')
  const { node } = await server.query(
    'query ($id: ID!) { node(id: $id) { ... on Sprint { diff { id contentHash safety { evaluationHash } } } } }',
    { id: sprintId },
  )
  await comment(node.diff.id, { path: 'done.txt' }, 'In capitals.')
  await verdict(node.diff, 'REJECT')
  let completed = 0
  await server.event('SprintChanged', (body) => {
    if (body.sprintId === rowId(sprintId) && body.status === 'COMPLETED') completed += 1
    return completed === 2
  })
  const told = cast.calls(task, 'coder').map(({ body }) => JSON.stringify(body))
  expect(told.some((body) => body.includes('done.txt, line 1:\\n    done\\nIn capitals.'))).toBe(true)
  const { node: now } = await server.query(
    'query ($id: ID!) { node(id: $id) { ... on Sprint { diff { sinceLastSeen supersedes { id } } } } }',
    { id: sprintId },
  )
  // The coder of this test writes the same again.
  expect(now.diff).toEqual({ sinceLastSeen: '', supersedes: { id: node.diff.id } })
})

it('a draft is private to its author, on a line that the diff has, and is sent once', async () => {
  const projectId = await readyProject(server)
  const [rita, author, agent] = await Promise.all([
    actorWithToken(server, { name: 'Rita', role: 'REVIEWER' }),
    actorWithToken(server, { role: 'AUTHOR' }),
    actorWithToken(server, {
      kind: 'SERVICE',
      role: 'ADMIN',
      ownerId: (await server.query('{ viewer { id } }')).viewer.id,
    }),
  ])
  const diff = await proposedDiff(server, projectId)
  const draft = await comment(diff.id, { path: 'hello.py' }, 'Why?', rita.token)
  expect(draft).toMatchObject({ path: 'hello.py', text: 'Why?', draft: true, author: { name: 'Rita' } })
  expect((await commentsOf(diff.id, rita.token)).comments).toHaveLength(1)
  expect((await commentsOf(diff.id)).comments).toEqual([])
  expect((await server.query('query ($id: ID!) { node(id: $id) { id } }', { id: draft.id })).node).toBeNull()
  expect((await mutate(server, 'deleteReviewComment', { id: draft.id })).__typename).toBe('NotFoundError')
  expect((await comment(diff.id, { path: 'hello.py' }, 'Hm.', author.token)).__typename).toBe('ForbiddenError')
  expect((await comment(diff.id, { path: 'hello.py' }, 'Hm.', agent.token)).__typename).toBe('ForbiddenError')
  const wrong = [
    { path: 'other.py' },
    { path: 'hello.py', line: 2 },
    { path: 'hello.py', line: 0 },
    { path: 'hello.py', side: 'BEFORE' },
  ]
  const answers = await Promise.all(wrong.map((at) => comment(diff.id, at, 'Hm.')))
  expect(answers.map(({ fieldErrors }) => fieldErrors[0].path)).toEqual([['path'], ['line'], ['line'], ['side']])

  await verdict(diff, 'APPROVE', undefined, rita.token)
  expect((await commentsOf(diff.id)).comments).toMatchObject([{ text: 'Why?', draft: false }])
  expect(await mutate(server, 'deleteReviewComment', { id: draft.id }, rita.token)).toMatchObject({
    __typename: 'InvalidTransitionError',
    from: 'SENT',
  })
  // A second approval of the same changes nothing, and does not lose what was drafted since.
  await comment(diff.id, { path: 'hello.py' }, 'One more thing.', rita.token)
  await verdict(diff, 'APPROVE', undefined, rita.token)
  const { comments, reviews } = await commentsOf(diff.id)
  expect(comments).toHaveLength(2)
  expect(reviews).toHaveLength(1)

  const drafts = `insert into review_comment (id, diff_id, author_id, path, side, line, code, text, created_at)
    select gen_random_uuid(), $1, $2, 'hello.py', 'AFTER', 1, '', 'x', now() from generate_series(1, 499)`
  await sqlOf(server, drafts, [rowId(diff.id), rowId(rita.id)])
  // There is room for one of the two.
  const atOnce = ['One.', 'Two.'].map((text) => comment(diff.id, { path: 'hello.py' }, text, rita.token))
  const types = (await Promise.all(atOnce)).map(({ __typename }) => __typename)
  expect(types.toSorted()).toEqual(['ReviewComment', 'ValidationError'])
})

it('a rejection in a session that was deleted is a rejection, and nothing follows', async () => {
  const projectId = await readyProject(server)
  const task = cast.task('Write a.', { coder: inTurns(writes('a.txt', 'a\n'), submits(null)) })
  const id = await createdSession(server, projectId)
  await said(server, id, task)
  const [diff] = (await idleSession(server, id)).diffs.nodes
  await mutate(server, 'deleteSession', { id })
  expect(await verdict(diff, 'REJECT', 'No.')).toMatchObject({ __typename: 'Diff' })
  expect(cast.calls(task, 'coder')).toHaveLength(2)
  const { node } = await server.query(
    'query ($id: ID!) { node(id: $id) { ... on Session { busy messages { nodes { id } } } } }',
    { id },
  )
  expect(node).toMatchObject({ busy: false, messages: { nodes: Array(3).fill({ id: expect.any(String) }) } })
})

it('whoever asked for something in a session counts as self when its diff is approved, and who only rejected does not', async () => {
  const policy = { requiredApprovals: 1, allowSelfApproval: false }
  const projectId = await readyProject(server, { policy })
  const [first, second, third] = await Promise.all(
    ['One', 'Two', 'Three'].map((name) => actorWithToken(server, { name, role: 'REVIEWER' })),
  )
  const task = cast.task('Write a.', { coder: ({ turn }) => submits(addsFile('a.txt', [`${turn}`])) })
  const id = await createdSession(server, projectId, {}, first?.token)
  await said(server, id, task, first?.token)
  await idleSession(server, id)
  await said(server, id, 'Again.', second?.token)
  const [diff] = (await idleSession(server, id, 2)).diffs.nodes
  await verdict(diff, 'REJECT', 'Once more.', third?.token)
  const [newest] = (await idleSession(server, id, 3)).diffs.nodes
  const given = async (token: string | undefined) => {
    await verdict(newest, 'APPROVE', undefined, token)
    const { node } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Diff { status approval { given } } } }',
      {
        id: newest.id,
      },
    )
    return node
  }
  expect(await given(first?.token)).toEqual({ status: 'HUMAN_REVIEWING', approval: { given: 0 } })
  expect(await given(second?.token)).toEqual({ status: 'HUMAN_REVIEWING', approval: { given: 0 } })
  expect(await given(third?.token)).toEqual({ status: 'APPROVED', approval: { given: 1 } })
  const { oid = '' } = (await commit(server, newest.id)).commit ?? {}
  const reviewedBy = '--format=%(trailers:key=Reviewed-by,valueonly)'
  expect(await gitOf(server, projectId, 'log', '-1', reviewedBy, oid)).toMatch(/^Three <[^>]+>$/)
  const { predicate } = statementShape.parse(statementIn(await noteOf(server, projectId, oid)))
  predicate.reviews = predicate.reviews.filter(({ reviewer }) => reviewer.name !== 'Three')
  expect(statedApproval(predicate).missing).toEqual(['1 more approval by another person with the role REVIEWER'])
})
