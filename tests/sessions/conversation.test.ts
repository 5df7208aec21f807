import { afterAll, beforeAll, expect, it } from 'vitest'
import { testCase } from '../factories/agents.ts'
import { made } from '../factories/api.ts'
import { approves, createCast, inTurns, rejects, says, submits, uses, writes } from '../factories/cast.ts'
import { rebase } from '../factories/diff-commands.ts'
import { commit, commitBehindOurBack, gitOf, review, setPolicy } from '../factories/gate.ts'
import { addsFile, readyProject } from '../factories/pipeline.ts'
import { createdSession, idleSession, readSession, said, talked } from '../factories/sessions.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ overrides: { rehearsalOptions: cast.rehearsalOptions } })
})
afterAll(() => server[Symbol.asyncDispose]())

const bodyOf = (call: { body: unknown } | undefined) => JSON.stringify(call?.body)
// biome-ignore lint/suspicious/noExplicitAny: a test knows the shape of what it asked for
const inShort = (session: any) =>
  session.messages.nodes.map((message: { role: string; iteration: number }) => `${message.role} ${message.iteration}`)

it('a question is answered in words, and the conversation is carried from message to message with its tool calls', async () => {
  const projectId = await readyProject(server, { source: { template: 'calculator-python' } })
  const task = cast.task('What is in the README?', {
    coder: inTurns(
      uses('read_file', { path: 'README.md', startLine: 1, endLine: 1 }),
      says('It is a calculator.'),
      says('I said that it is a calculator.'),
    ),
  })
  const first = await talked(server, projectId, task)
  expect(inShort(first)).toEqual(['USER 0', 'CODER 1'])
  const [asked, answered] = first.messages.nodes
  expect(asked).toMatchObject({ text: task, status: 'COMPLETED', failure: null, author: { name: 'Administrator' } })
  expect(answered).toMatchObject({
    text: 'I use read_file.\n\nIt is a calculator.',
    status: null,
    rehearsal: true,
    // No traces are recorded here.
    traceId: null,
    providerResponse: { object: 'response', status: 'completed' },
    usage: { calls: 2 },
    toolCalls: [{ name: 'read_file', isError: false, arguments: { path: 'README.md', startLine: 1, endLine: 1 } }],
    diff: null,
  })
  expect(first).toMatchObject({ busy: false, usage: { calls: 2, byAgent: [{ agent: 'coder', calls: 2 }] } })

  await said(server, first.id, 'What did you say?')
  const second = await idleSession(server, first.id, 2)
  expect(inShort(second)).toEqual(['USER 0', 'CODER 1', 'USER 0', 'CODER 1'])
  expect(second.messages.nodes[3].text).toBe('I said that it is a calculator.')
  const [, , third] = cast.calls(task, 'coder')
  for (const words of [task, 'read_file', 'It is a calculator.', 'What did you say?'])
    expect(bodyOf(third)).toContain(words)
  // What the provider itself wrote goes back to it as it came.
  expect(bodyOf(third)).toContain('encrypted_content')
})

it('a patch that does not apply or does not parse goes back with the message to the letter, and a right one is judged', async () => {
  const projectId = await readyProject(server)
  await testCase(server, projectId, 'runs', ['python3', 'a.py'])
  const stray = 'diff --git a/b.py b/b.py\n--- a/b.py\n+++ b/b.py\n@@ -1 +1 @@\n-old\n+new\n'
  const task = cast.task('Add a.py.', {
    coder: inTurns(
      submits(stray),
      submits(addsFile('a.py', ['def broken(:'])),
      submits(null),
      submits(addsFile('a.py', ['print(1)']), 'Add a.py, which prints 1.'),
    ),
    evaluator: () => approves('Add a.py\n\nIt prints 1.', 'It prints 1, as asked.'),
  })
  const session = await talked(server, projectId, task)
  expect(inShort(session)).toEqual(['USER 0', 'CODER 1', 'EVALUATOR 1'])
  const [, coder, evaluator] = session.messages.nodes
  const [strayed, broken, unchanged, taken] = coder.toolCalls
  expect(strayed).toMatchObject({ name: 'submit_patch', isError: true, result: expect.stringContaining('b.py') })
  expect(broken).toMatchObject({ isError: true, result: expect.stringMatching(/a\.py, line 1: .*does not parse/) })
  expect(unchanged).toMatchObject({ isError: true, result: expect.stringContaining('no change to submit') })
  expect(taken).toMatchObject({ isError: false, result: 'Submitted.' })
  const outputs = cast
    .calls(task, 'coder')
    .flatMap(({ body }) => (body as { input: { type?: string; output?: string }[] }).input)
    .filter(({ type }) => type === 'function_call_output')
  for (const { result } of [strayed, broken]) expect(outputs.some(({ output }) => output?.includes(result))).toBe(true)

  const [diff] = session.diffs.nodes
  expect(session.diffs.nodes).toHaveLength(1)
  expect(diff).toMatchObject({
    origin: 'SESSION',
    status: 'EVALUATOR_APPROVED',
    iteration: 1,
    commitMessage: 'Add a.py\n\nIt prints 1.',
    evaluatorReasoning: 'It prints 1, as asked.',
    prompt: task,
    author: { name: 'Countersign' },
    requestedBy: { name: 'Administrator' },
    session: { id: session.id },
    files: [{ path: 'a.py' }],
    latestTestRun: { status: 'PASSED', results: [{ name: 'runs', status: 'PASSED' }] },
  })
  expect(coder.diff).toEqual({ id: diff.id })
  expect(evaluator).toMatchObject({ text: 'It prints 1, as asked.', diff: { id: diff.id }, usage: { calls: 1 } })
  // The evaluator saw the task, the change, the report and the results, each as data.
  const judged = bodyOf(cast.calls(task, 'evaluator')[0])
  for (const words of ['<task>', '<change', '+print(1)', '<safety_report>', '<test_results>', 'PASSED runs']) {
    expect(judged).toContain(words)
  }
})

it('a rule of the policy approves what the evaluator approved, and nothing else of a session', async () => {
  const projectId = await readyProject(server, { policy: { autoApprove: [{ name: 'all' }] } })
  const coder = () => submits(addsFile('a.md', ['a']))
  const liked = cast.task('Add a.md.', { coder, evaluator: () => approves('Add a.md', 'Right.') })
  const doubted = cast.task('Add a.md, badly.', { coder, evaluator: () => rejects('Wrong.') })
  const reviews = 'status reviews { automatic rule }'
  const shown = async (id: string) =>
    (await server.query(`query ($id: ID!) { node(id: $id) { ... on Diff { ${reviews} } } }`, { id })).node
  const [approved] = (await talked(server, projectId, liked)).diffs.nodes
  expect(await shown(approved.id)).toEqual({ status: 'APPROVED', reviews: [{ automatic: true, rule: 'all' }] })
  const rejected = (await talked(server, projectId, doubted)).diffs.nodes[0]
  expect(await shown(rejected.id)).toEqual({ status: 'EVALUATOR_REJECTED', reviews: [] })
  await server.query('mutation ($id: ID!) { openReview(diffId: $id) { __typename } }', { id: rejected.id })
  // Brought to the head it is, too, with the evaluator's words.
  await commitBehindOurBack(server, projectId)
  const rebased = await rebase(server, rejected.id)
  expect(await shown(rebased.id)).toEqual({ status: 'PROPOSED', reviews: [] })
  const { node } = await server.query('query ($id: ID!) { node(id: $id) { ... on Diff { evaluatorReasoning } } }', {
    id: rebased.id,
  })
  expect(node.evaluatorReasoning).toContain('Wrong.')
  await server.query('mutation ($id: ID!) { openReview(diffId: $id) { __typename } }', { id: rebased.id })
  // Looked at again, it is still for a person.
  await setPolicy(server, projectId, { autoApprove: [{ name: 'all', maxChangedLines: 9 }] })
  expect(await shown(rebased.id)).toEqual({ status: 'HUMAN_REVIEWING', reviews: [] })
})

it('rejections go to the coder for at most three rounds, and every diff of them stays readable', async () => {
  const projectId = await readyProject(server)
  const task = cast.task('Add a file.', {
    coder: ({ turn }) => submits(addsFile('a.txt', [`version ${turn + 1}`]), `Version ${turn + 1}`),
    evaluator: ({ turn }) => rejects(`Reason ${turn + 1}`),
  })
  const session = await talked(server, projectId, task)
  expect(inShort(session)).toEqual([
    'USER 0',
    'CODER 1',
    'EVALUATOR 1',
    'CODER 2',
    'EVALUATOR 2',
    'CODER 3',
    'EVALUATOR 3',
  ])
  expect(session.messages.nodes[6].text).toBe('It does not hold.\n\n- Reason 3')
  const [third, second, first] = session.diffs.nodes
  expect(third).toMatchObject({
    status: 'EVALUATOR_REJECTED',
    iteration: 3,
    supersedes: { id: second.id },
    evaluatorReasoning: 'It does not hold.\n\n- Reason 3',
  })
  expect(second).toMatchObject({ status: 'SUPERSEDED', iteration: 2, supersededBy: { id: third.id } })
  expect(first).toMatchObject({
    status: 'SUPERSEDED',
    iteration: 1,
    evaluatorReasoning: 'It does not hold.\n\n- Reason 1',
  })
  expect(first.content).toContain('+version 1')
  expect(session.pendingDiffs).toEqual([{ id: third.id, status: 'EVALUATOR_REJECTED' }])
  expect(session.messages.nodes[0].status).toBe('COMPLETED')
  expect(cast.calls(task, 'coder')).toHaveLength(3)
  expect(bodyOf(cast.calls(task, 'coder')[1])).toContain('Reason 1')
  // The evaluator remembers what it said.
  expect(bodyOf(cast.calls(task, 'evaluator')[2])).toContain('Reason 2')

  // A person may take it up all the same.
  const { openReview } = await server.query(
    'mutation ($id: ID!) { openReview(diffId: $id) { __typename ... on Diff { status } } }',
    { id: third.id },
  )
  expect(openReview).toEqual({ __typename: 'Diff', status: 'HUMAN_REVIEWING' })
})

it('a rejected change is mended in its own workspace, and an unfinished one goes on from it with the next message', async () => {
  const projectId = await readyProject(server)
  const task = cast.task('Write two files.', {
    coder: inTurns(
      writes('a.txt', 'a\n'),
      submits(null, 'Write a'),
      writes('b.txt', 'b\n'),
      submits(null, 'Write b too'),
      writes('c.txt', 'c\n'),
      submits(null, 'And c'),
    ),
    evaluator: ({ turn }) => (turn === 0 ? rejects('b.txt is missing.') : approves('Write files')),
  })
  const first = await talked(server, projectId, task)
  expect(first.diffs.nodes[0]).toMatchObject({ iteration: 2, files: [{ path: 'a.txt' }, { path: 'b.txt' }] })
  await said(server, first.id, 'And c.txt, please.')
  const second = await idleSession(server, first.id, 2)
  const [newest, older] = second.diffs.nodes
  expect(newest).toMatchObject({ iteration: 3, supersedes: { id: older.id }, status: 'EVALUATOR_APPROVED' })
  expect(newest.files).toEqual([{ path: 'a.txt' }, { path: 'b.txt' }, { path: 'c.txt' }])
  expect(older.status).toBe('SUPERSEDED')
  expect(second.pendingDiffs).toHaveLength(1)
  await made(server, 'archiveProject', { id: projectId })
  expect((await readSession(server, first.id)).pendingDiffs).toEqual([])
})

it('after a commit the coder works on the new head and is told so, and the evaluator begins afresh', async () => {
  const projectId = await readyProject(server)
  const task = cast.task('Write a.', {
    coder: inTurns(writes('a.txt', 'a\n'), submits(null, 'Write a'), writes('b.txt', 'b\n'), submits(null, 'Write b')),
    evaluator: () => approves('Write a'),
  })
  const first = await talked(server, projectId, task)
  const [diff] = first.diffs.nodes
  expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
  const committed = await commit(server, diff.id)
  const oid = committed.commit?.oid
  const next = cast.task('Write b.', { evaluator: () => approves('Write b') })
  await said(server, first.id, next)
  const second = await idleSession(server, first.id, 2)
  const [newest, older] = second.diffs.nodes
  expect(older).toMatchObject({ status: 'COMMITTED', supersededBy: null })
  expect(newest).toMatchObject({
    status: 'EVALUATOR_APPROVED',
    baseCommit: oid,
    iteration: 1,
    supersedes: null,
    files: [{ path: 'b.txt' }],
    commitMessage: 'Write b',
  })
  expect(await gitOf(server, projectId, 'ls-tree', '--name-only', newest.resultTree)).toContain('a.txt\nb.txt')
  const told = bodyOf(cast.calls(task, 'coder').at(-1))
  expect(told).toContain(`was committed to main as ${oid}`)
  const [judged] = cast.calls(next, 'evaluator')
  expect(bodyOf(judged)).not.toContain(task)
  expect(judged?.turn).toBe(0)
})

it('each session has models of its own, with instructions, and either provider serves in either role', async () => {
  const projectId = await readyProject(server)
  const task = cast.task('Write a file.', {
    coder: inTurns(writes('a.txt', 'a\n'), submits(null)),
    evaluator: () => approves('Write a'),
  })
  const session = await talked(server, projectId, task, {
    title: 'Mine',
    coder: { provider: 'ANTHROPIC', model: 'claude-test', instructions: 'Write short files.' },
    evaluator: { provider: 'OPENAI', instructions: 'Be strict.' },
  })
  expect(session).toMatchObject({
    title: 'Mine',
    coder: { provider: 'ANTHROPIC', model: 'claude-test', rehearsal: true, instructions: 'Write short files.' },
    evaluator: { provider: 'OPENAI', model: 'rehearsal-openai', instructions: 'Be strict.' },
    diffs: { nodes: [{ status: 'EVALUATOR_APPROVED' }] },
  })
  expect(cast.calls(task, 'coder')[0]).toMatchObject({ provider: 'ANTHROPIC', model: 'claude-test' })
  expect(bodyOf(cast.calls(task, 'coder')[0])).toContain('Write short files.')
  expect(cast.calls(task, 'evaluator')[0]).toMatchObject({ provider: 'OPENAI' })
  expect(bodyOf(cast.calls(task, 'evaluator')[0])).toContain('Be strict.')
})

it('the branch that others moved is where the next change begins, when nothing is unfinished', async () => {
  const projectId = await readyProject(server)
  const task = cast.task('Say hello.', { coder: inTurns(says('Hello.'), writes('b.txt', 'b\n'), submits(null)) })
  const id = await createdSession(server, projectId)
  await said(server, id, task)
  await idleSession(server, id)
  const identity = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com']
  const head = await gitOf(server, projectId, ...identity, 'commit-tree', '-p', 'main', '-m', 'By hand', 'main^{tree}')
  await gitOf(server, projectId, 'update-ref', 'refs/heads/main', head)
  await said(server, id, 'Now write b.')
  const { diffs } = await idleSession(server, id, 2)
  expect(diffs.nodes[0]).toMatchObject({ baseCommit: head, status: 'EVALUATOR_APPROVED' })
})
