import { afterAll, beforeAll, expect, it } from 'vitest'
import { everythingStored, globalId, made, mutate, mutationDocument, stubSpec } from '../factories/api.ts'
import { readyProject } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let projectId: string
let specId: string
beforeAll(async () => {
  // Without the pools that would work on sprints: what is started stays as it is.
  server = await startTestServer({ pools: { maintenance: 2 } })
  projectId = await readyProject(server)
  specId = await stubSpec(server, projectId)
})
afterAll(() => server[Symbol.asyncDispose]())

/** The answer to a call that must leave nothing behind. */
const refused = async (name: string, variables: object) => {
  const before = await everythingStored(server)
  const answer = await mutate(server, name, variables)
  expect(await everythingStored(server)).toEqual(before)
  return answer
}

const faultAt = (path: string, message: RegExp | string) => ({
  __typename: 'ValidationError',
  code: 'VALIDATION',
  fieldErrors: [{ path: path.split('.'), message: expect.stringMatching(message) }],
})

const nobody = '6f1c1e2a-0000-4000-8000-000000000000'

const badIds = (type: string): Readonly<Record<string, string>> => ({
  unknown: globalId(type, nobody),
  'of another type': type === 'Actor' ? globalId('Project', nobody) : globalId('Actor', nobody),
  'a bare uuid': nobody,
  'not base64': '%%%',
  empty: '',
  'without a type': globalId('', nobody),
  'with more after it': globalId(type, `${nobody}' or 1=1 --`),
  'a NUL in it': globalId(type, '\u0000'),
  'upper case': globalId(type, nobody.toUpperCase()),
  'very long': globalId(type, 'f'.repeat(100_000)),
})

const withId: Readonly<Record<string, readonly [type: string, (id: string) => object]>> = {
  answerInterview: ['Spec', (id) => ({ specId: id, answers: [{ key: 'a', answer: 'b' }] })],
  approvePlan: ['Sprint', (id) => ({ sprintId: id })],
  archiveProject: ['Project', (id) => ({ id })],
  cancelRun: ['AgentRun', (id) => ({ id })],
  cancelSprint: ['Sprint', (id) => ({ id })],
  cancelTestRun: ['TestRun', (id) => ({ id })],
  commitDiff: ['Diff', (id) => ({ diffId: id })],
  createApiToken: ['Actor', (id) => ({ actorId: id, name: 'x', role: 'VIEWER' })],
  createActor: ['Actor', (id) => ({ input: { kind: 'AGENT', name: 'x', ownerId: id } })],
  createSpec: ['Project', (id) => ({ input: { projectId: id, task: 'x' } })],
  createSprint: ['Spec', (id) => ({ input: { specId: id, name: 'x', goal: 'x' } })],
  createTestCase: ['Project', (id) => ({ input: { projectId: id, name: 'x', command: ['true'] } })],
  createVersion: ['Project', (id) => ({ input: { projectId: id, message: 'x' } })],
  createWebhook: ['Project', (id) => ({ input: { projectId: id, url: 'https://receiver.invalid/' } })],
  deleteTestCase: ['TestCase', (id) => ({ id })],
  deleteWebhook: ['Webhook', (id) => ({ id })],
  forkRun: ['Checkpoint', (id) => ({ input: { checkpointId: id, label: 'x' } })],
  keepHunks: ['Diff', (id) => ({ diffId: id, hunks: [0] })],
  markFileReviewed: ['Diff', (id) => ({ diffId: id, path: 'x', reviewed: true })],
  openReview: ['Diff', (id) => ({ diffId: id })],
  proposeCandidate: ['Candidate', (id) => ({ candidateId: id })],
  proposeDiff: ['Project', (id) => ({ input: { projectId: id, content: 'x', commitMessage: 'x' } })],
  rebaseDiff: ['Diff', (id) => ({ diffId: id })],
  refineCommitMessage: ['Diff', (id) => ({ diffId: id })],
  testDiff: ['Diff', (id) => ({ diffId: id })],
  retryInterview: ['Spec', (id) => ({ specId: id })],
  retrySprint: ['Sprint', (id) => ({ id })],
  revertDiff: ['Diff', (id) => ({ diffId: id })],
  reviewDiff: [
    'Diff',
    (id) => ({ diffId: id, verdict: 'APPROVE', contentHash: '0'.repeat(64), evaluationHash: '0'.repeat(64) }),
  ],
  revokeApiToken: ['ApiToken', (id) => ({ id })],
  rollbackToVersion: ['Version', (id) => ({ versionId: id })],
  setApprovalPolicy: ['Project', (id) => ({ projectId: id, policy: {} })],
  startRun: ['Project', (id) => ({ input: { projectId: id, message: 'x' } })],
  startSprint: ['Sprint', (id) => ({ id })],
  syncProject: ['Project', (id) => ({ id })],
  updateActor: ['Actor', (id) => ({ id, name: 'x' })],
  updateCommitMessage: ['Diff', (id) => ({ diffId: id, message: 'x' })],
  updateProject: ['Project', (id) => ({ input: { id, name: 'x' } })],
  updateSprint: ['Sprint', (id) => ({ id, budget: { maxTokens: 1 } })],
  updateTestCase: ['TestCase', (id) => ({ input: { id, name: 'x' } })],
}

it.each(Object.keys(withId))(
  '%s answers with NotFoundError to an id that names nothing, whatever its shape',
  async (name) => {
    const [type, variables] = withId[name] ?? ['', () => ({})]
    const answers: Record<string, unknown> = {}
    for (const [kind, id] of Object.entries(badIds(type))) {
      const { __typename, code, message } = await mutate(server, name, variables(id))
      answers[kind] = { __typename, code, isShort: (message?.length ?? 0) < 300 }
    }
    const notFound = { __typename: 'NotFoundError', code: 'NOT_FOUND', isShort: true }
    expect(answers).toEqual(Object.fromEntries(Object.keys(badIds(type)).map((kind) => [kind, notFound])))
  },
)

it('node and nodes answer null for ids that name nothing, whatever their shape, and still find the others', async () => {
  const ids = Object.values(badIds('Diff'))
  for (const id of [...ids, globalId('Commit', nobody), globalId('Query', nobody), globalId('__Type', 'x')]) {
    expect(await server.request('query ($id: ID!) { node(id: $id) { id } }', { id })).toEqual({
      data: { node: null },
      status: 200,
    })
  }
  const { nodes } = await server.query('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', {
    ids: [...ids, projectId],
  })
  expect(nodes).toEqual([...ids.map(() => null), { id: projectId }])
})

it.each([
  ['an empty task', { task: '' }, 'task', /empty/],
  ['a blank task', { task: ' \n\t ' }, 'task', /empty/],
  ['a task of 200,000 characters', { task: 'x'.repeat(200_000) }, 'task', /at most 100000 characters/],
  ['a task with a NUL', { task: 'a\u0000b' }, 'task', /control/],
  ['no questions', { task: 'x', maxQuestions: 0 }, 'maxQuestions', /at least 1/],
  ['99 questions', { task: 'x', maxQuestions: 99 }, 'maxQuestions', /at most 20/],
  ['a title of two lines', { task: 'x', title: 'a\nb' }, 'title', /control/],
])('createSpec refuses %s and says so at the field', async (_name, input, path, message) => {
  expect(await refused('createSpec', { input: { projectId, ...input } })).toMatchObject(faultAt(path, message))
})

it.each([
  ['an unknown key', [{ key: 'nothing', answer: 'x' }], 'answers.0.key', /no question has this key; there are/],
  ['no answers', [], 'answers', /empty/],
  ['an empty answer', [{ key: 'k', answer: ' ' }], 'answers.0.answer', /empty/],
])('answerInterview refuses %s and keeps nothing', async (_name, answers, path, message) => {
  expect(await refused('answerInterview', { specId, answers })).toMatchObject(faultAt(path, message))
})

it('an answer beside one for a question that does not exist is not kept either', async () => {
  const { node } = await server.query(
    'query ($id: ID!) { node(id: $id) { ... on Spec { interview { questions { key } } } } }',
    {
      id: specId,
    },
  )
  const answers = [
    { key: node.interview.questions[0].key, answer: 'yes' },
    { key: 'nothing', answer: 'x' },
  ]
  expect(await mutate(server, 'answerInterview', { specId, answers })).toMatchObject({ __typename: 'ValidationError' })
  const after = await server.query(
    'query ($id: ID!) { node(id: $id) { ... on Spec { interview { questions { answer } } } } }',
    { id: specId },
  )
  expect(after.node.interview.questions).toEqual([{ answer: null }, { answer: null }])
})

it('a sprint of a spec with open questions cannot be started', async () => {
  const id = await made(server, 'createSprint', { input: { specId, name: 'too early', goal: 'x' } })
  expect(await refused('startSprint', { id })).toMatchObject({
    __typename: 'InvalidTransitionError',
    code: 'INVALID_TRANSITION',
    from: 'DRAFT',
    to: 'VALIDATED',
    message: expect.stringContaining('Answer its interview'),
  })
})

it('of ten that start a sprint at once, one starts it and nine are told that it is ACTIVE', async () => {
  const answered = await stubSpec(server, projectId)
  const { node } = await server.query(
    'query ($id: ID!) { node(id: $id) { ... on Spec { interview { questions { key } } } } }',
    {
      id: answered,
    },
  )
  const answers = node.interview.questions.map(({ key }: { key: string }) => ({ key, answer: 'yes' }))
  await made(server, 'answerInterview', { specId: answered, answers })
  const id = await made(server, 'createSprint', { input: { specId: answered, name: 'once', goal: 'x' } })
  const started = await Promise.all(Array.from({ length: 10 }, () => mutate(server, 'startSprint', { id })))
  expect(started.map(({ __typename, from }) => from ?? __typename).sort()).toEqual([
    ...Array.from({ length: 9 }, () => 'ACTIVE'),
    'Sprint',
  ])
  const jobs = await server.context.services.em().find('OutboxEntry' as never, { job: 'advance-sprint' } as never)
  expect(jobs).toHaveLength(1)
})

it.each([
  ['no attempts', { maxAttempts: 0 }, 'maxAttempts', /at least 1/],
  ['11 attempts', { maxAttempts: 11 }, 'maxAttempts', /at most 10/],
  ['no time', { deadlineSeconds: 0 }, 'deadlineSeconds', /at least 1/],
  ['a negative budget', { budget: { maxCostUsd: -1 } }, 'budget.maxCostUsd', /negative/],
  [
    '101 subagents',
    { subagents: Array.from({ length: 101 }, () => ({ provider: 'OPENAI' })) },
    'subagents',
    /at most 100/,
  ],
  ['a label with a newline', { subagents: [{ provider: 'OPENAI', label: 'A\nB' }] }, 'subagents.0.label', /letters/],
])('createSprint refuses %s', async (_name, input, path, message) => {
  expect(await refused('createSprint', { input: { specId, name: 'x', goal: 'x', ...input } })).toMatchObject(
    faultAt(path, message),
  )
})

const empty = { empty: true }
it.each([
  ['a name with a control character', { name: 'a\u0007b', source: empty }, 'name', /control/],
  ['a name with an override of direction', { name: 'a\u202eb', source: empty }, 'name', /control/],
  ['a name with an isolate', { name: 'a\u2066b', source: empty }, 'name', /control/],
  ['a name of two lines', { name: 'a\nb', source: empty }, 'name', /control/],
  ['a name of 201 characters', { name: 'x'.repeat(201), source: empty }, 'name', /at most 200/],
  ['a blank name', { name: '  ', source: empty }, 'name', /empty/],
  [
    'an unknown template',
    { source: { template: 'nothing' } },
    'source.template',
    /there are agent-python, calculator-python, todo-typescript/,
  ],
  [
    'a template that climbs',
    { source: { template: '../package' } },
    'source.template',
    /there are agent-python, calculator-python, todo-typescript/,
  ],
  ['an empty source that is not', { source: { empty: false } }, 'source', /exactly one/],
  [
    'too many approvals',
    { source: empty, policy: { requiredApprovals: 21 } },
    'policy.requiredApprovals',
    /at most 20/,
  ],
  ['a negative budget', { source: empty, budget: { maxTokens: -1 } }, 'budget.maxTokens', /negative/],
])('createProject refuses %s', async (_name, input, path, message) => {
  expect(await refused('createProject', { input: { name: 'x', ...input } })).toMatchObject(faultAt(path, message))
})

it.each([
  '',
  '-x',
  '--upload-pack=touch /tmp/x',
  'a..b',
  'a b',
  'a\nb',
  'a.lock',
  'a/.b',
  '/a',
  'a/',
  'a//b',
  'a@{1}',
  '@',
  'HEAD',
  'refs/heads/../x',
  'a~1',
  'a^',
  'a:b',
  'a\\b',
  'a\u0000b',
  'a\u202eb',
  '0'.repeat(40),
  'x'.repeat(201),
])('createProject refuses the branch name %j', async (targetBranch) => {
  expect(await refused('createProject', { input: { name: 'x', source: empty, targetBranch } })).toMatchObject(
    faultAt('targetBranch', /branch name/),
  )
})

it.each([
  ['file:///etc', /protocol "file" is not allowed/],
  ['http://example.com/a.git', /protocol "http" is not allowed \(allowed: https, ssh\)/],
  ['git://example.com/a.git', /protocol "git" is not allowed/],
  ['ext::sh -c id', /blanks/],
  ['ext::sh', /no URL/],
  ['--upload-pack=touch', /dash/],
  ['-oProxyCommand=id', /dash/],
  ['ssh://-oProxyCommand=id/x', /.+/],
  ['ssh://git@example.com/--upload-pack=id', /no repository/],
  ['ssh://-o@example.com/x', /user/],
  ['https://user:secret@example.com/a.git', /credentials/],
  ['https://token@example.com/a.git', /credentials/],
  ['https://example.com/', /no repository/],
  ['https://example.com/a.git\n--x', /control/],
  ['/etc/passwd', /no URL/],
  ['../x', /no URL/],
  ['', /no URL/],
])('createProject refuses the git URL %j and repeats no secret of it', async (url, message) => {
  const answer = await refused('createProject', { input: { name: 'x', source: { gitUrl: { url } } } })
  expect(answer).toMatchObject(faultAt('source.gitUrl.url', message))
  expect(JSON.stringify(answer)).not.toContain('secret')
})

it.each([
  ['none', {}],
  ['two', { empty: true, template: 'calculator-python' }],
  ['one that is null', { template: null }],
])('a source with %s is refused before anything runs, with words that name the input', async (_name, source) => {
  const before = await everythingStored(server)
  const { errors, data } = await server.request(
    'mutation ($input: CreateProjectInput!) { createProject(input: $input) { __typename } }',
    { input: { name: 'x', source } },
  )
  expect(data ?? null).toBeNull()
  expect(errors?.[0]?.message).toMatch(/ProjectSourceInput|source/)
  expect(await everythingStored(server)).toEqual(before)
})

// JSON carries them as escapes; PostgreSQL takes neither in text nor in jsonb.
it.each([
  ['NUL', '\u0000'],
  ['a lone surrogate', '\ud800'],
])('%s in any text is an error of the client, never a fault of the server', async (_name, bad) => {
  const calls: readonly (readonly [string, object])[] = [
    ['createSpec', { input: { projectId, task: bad, title: bad, mode: 'STUB' } }],
    ['createSpec', { input: { projectId, task: `x${bad}`, mode: 'STUB' } }],
    ['answerInterview', { specId, answers: [{ key: bad, answer: 'x' }] }],
    ['answerInterview', { specId, answers: [{ key: 'k', answer: `x${bad}` }] }],
    ['createSprint', { input: { specId, name: 'x', goal: `x${bad}` } }],
    [
      'createSprint',
      { input: { specId, name: 'x', goal: 'x', subagents: [{ provider: 'OPENAI', instructions: `x${bad}` }] } },
    ],
    ['createTestCase', { input: { projectId, name: 'x', command: ['true', bad] } }],
    ['createActor', { input: { kind: 'HUMAN', name: `x${bad}` } }],
    ['createActor', { input: { kind: 'HUMAN', name: 'x', email: `${bad}@x.org` } }],
    ['createApiToken', { name: `x${bad}`, role: 'VIEWER' }],
    ['createProject', { input: { name: `x${bad}`, source: empty } }],
    ['createProject', { input: { name: 'x', source: { template: bad } } }],
    ['updateProject', { input: { id: projectId, name: `x${bad}` } }],
    ['updateProject', { input: { id: projectId, targetBranch: `x${bad}` } }],
    ['updateProject', { input: { id: projectId, remoteUrl: `https://example.com/${bad}` } }],
    [
      'updateProject',
      {
        input: {
          id: projectId,
          remoteUrl: 'https://example.com/x',
          remoteCredential: { accessToken: `x${bad}` },
        },
      },
    ],
    ['createVersion', { input: { projectId, message: `x${bad}` } }],
    ['createVersion', { input: { projectId, message: 'x', revision: `x${bad}` } }],
    ['createWebhook', { input: { projectId, url: `https://receiver.invalid/${bad}` } }],
    ['createWebhook', { input: { projectId, url: 'https://receiver.invalid/', events: [bad] } }],
    ['proposeDiff', { input: { projectId, content: `x${bad}`, commitMessage: 'x' } }],
    ['proposeDiff', { input: { projectId, content: 'x', commitMessage: `x${bad}` } }],
    ['proposeDiff', { input: { projectId, content: 'x', commitMessage: 'x', prompt: `x${bad}` } }],
  ]
  const before = await everythingStored(server)
  for (const [name, variables] of calls) {
    const { data, errors } = await server.request(mutationDocument(name), variables)
    const told = errors?.[0]?.extensions?.code ?? data?.[name]?.code ?? data?.[name]?.__typename
    expect([name, JSON.stringify(variables), told]).toEqual([
      name,
      JSON.stringify(variables),
      expect.stringMatching(/^(VALIDATION|PATCH_REJECTED|BAD_USER_INPUT)$/),
    ])
  }
  expect(await everythingStored(server)).toEqual(before)
  for (const path of [bad, `a${bad}`]) {
    const { errors } = await server.request(
      'query ($id: ID!, $path: String!) { node(id: $id) { ... on Project { file(path: $path) { text } entries(path: $path) { path } } } }',
      { id: projectId, path },
    )
    expect(errors?.map(({ message }) => message) ?? []).not.toContain('Unexpected error.')
  }
})

it.each([
  ['a time that is none', 'createApiToken', { name: 'x', role: 'VIEWER', expiresAt: 'tomorrow' }],
  ['a time that is a number', 'createApiToken', { name: 'x', role: 'VIEWER', expiresAt: 1 }],
  ['a time that does not exist', 'createApiToken', { name: 'x', role: 'VIEWER', expiresAt: '2026-02-31T00:00:00Z' }],
  ['a role that is none', 'createApiToken', { name: 'x', role: 'GOD' }],
  ['a missing argument', 'createApiToken', { role: 'VIEWER' }],
  ['a number that is a string', 'createSpec', { input: { projectId: '', task: 'x', maxQuestions: '5' } }],
  ['a number beyond 32 bits', 'createSpec', { input: { projectId: '', task: 'x', maxQuestions: 2 ** 40 } }],
  ['a field that is none', 'createSpec', { input: { projectId: '', task: 'x', isAdmin: true } }],
  ['a list for an object', 'createSpec', { input: [] }],
  ['an object for a text', 'createSpec', { input: { projectId: '', task: { toString: 'x' } } }],
])('%s is an error of the client that names the variable', async (_name, mutation, variables) => {
  const { data, errors } = await server.request(mutationDocument(mutation), variables)
  expect(data ?? null).toBeNull()
  expect(errors?.[0]?.message).toMatch(/\$(expiresAt|role|name|input)/)
})
