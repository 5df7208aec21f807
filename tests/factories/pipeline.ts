import { readFile } from 'node:fs/promises'
import { rows } from '../../src/domain/shared/database.ts'
import type { TestServer } from '../support/server.ts'

const sampleFile = new URL('../../templates/calculator-python.json', import.meta.url)

/** The row's id inside a global id. */
export const rowId = (globalId: string): string => Buffer.from(globalId, 'base64').toString().split(':')[1] ?? ''

export const helloTask = "Create a Python script that prints 'hello world' to stdout."

/** The calculator's sample task and the answers to its interview. */
export const sampleTask = async (): Promise<{ task: string; answers: Record<string, string> }> =>
  JSON.parse(await readFile(sampleFile, 'utf8')).sampleTask

const expectObject = <Answer extends { __typename: string; message?: string }>(
  answer: Answer,
  type: string,
): Answer => {
  if (answer.__typename !== type) throw new Error(`${answer.__typename}: ${answer.message}`)
  return answer
}

const createProject = `mutation ($input: CreateProjectInput!) {
  createProject(input: $input) { __typename ... on Project { id } ... on DomainError { message } }
}`

/** A project whose repository is made: an empty one, or the given source. @returns its global id */
export const readyProject = async (
  server: Pick<TestServer, 'query'> & Partial<Pick<TestServer, 'context'>>,
  input: { name?: string; source?: object; policy?: object; budget?: object; targetBranch?: string } = {},
): Promise<string> => {
  const { createProject: created } = await server.query(createProject, {
    input: { name: 'a project', source: { empty: true }, ...input },
  })
  const { id } = expectObject(created, 'Project')
  for (;;) {
    const { status, failure } = await stateOf(server, id)
    if (status === 'READY') return id
    if (status === 'FAILED') throw new Error(String(failure))
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** What became of a project: from the database where that can be asked, which takes less than the API. */
const stateOf = async (
  { query, context }: Parameters<typeof readyProject>[0],
  id: string,
): Promise<{ status: string; failure: string | null }> => {
  if (context === undefined) {
    const { node } = await query('query ($id: ID!) { node(id: $id) { ... on Project { status failure } } }', { id })
    return node
  }
  return await rows(context.services.em())
    .selectFrom('Project')
    .select(['status', 'failure'])
    .where('id', '=', rowId(id))
    .executeTakeFirstOrThrow()
}

/** A spec whose interview has ended and is answered. @returns its global id */
export const validatedSpec = async (
  server: TestServer,
  projectId: string,
  task = helloTask,
  answers: Readonly<Record<string, string>> = {},
): Promise<string> => {
  const { createSpec } = await server.query(
    `mutation ($input: CreateSpecInput!) {
      createSpec(input: $input) { __typename ... on Spec { id } ... on DomainError { message } }
    }`,
    { input: { projectId, task } },
  )
  const { id } = expectObject(createSpec, 'Spec')
  const specId = rowId(id)
  const ended = await server.event(
    'InterviewChanged',
    (body) => body.specId === specId && !['QUEUED', 'RUNNING'].includes(body.status),
  )
  if (ended.body.type === 'InterviewChanged' && ended.body.status === 'ANSWERED') return id
  const { node } = await server.query(
    'query ($id: ID!) { node(id: $id) { ... on Spec { interview { failure questions { key } } } } }',
    { id },
  )
  if (node.interview.failure) throw new Error(node.interview.failure)
  const given = node.interview.questions.map(({ key }: { key: string }) => ({
    key,
    answer: answers[key] ?? 'As you see fit.',
  }))
  await server.query(
    `mutation ($id: ID!, $answers: [InterviewAnswerInput!]!) {
      answerInterview(specId: $id, answers: $answers) { __typename ... on DomainError { message } }
    }`,
    { id, answers: given },
  )
  return id
}

/** A sprint that is under way. @returns its global id */
export const startedSprint = async (server: TestServer, specId: string, input: object = {}): Promise<string> => {
  const { createSprint } = await server.query(
    `mutation ($input: CreateSprintInput!) {
      createSprint(input: $input) { __typename ... on Sprint { id } ... on DomainError { message } }
    }`,
    { input: { specId, name: 'a sprint', goal: 'Do the task.', deadlineSeconds: 300, ...input } },
  )
  const { id } = expectObject(createSprint, 'Sprint')
  const { startSprint } = await server.query(
    'mutation ($id: ID!) { startSprint(id: $id) { __typename ... on DomainError { message } } }',
    { id },
  )
  expectObject(startSprint, 'Sprint')
  return id
}

/** Waits until a sprint has ended. @returns its status */
export const endedSprint = async (server: TestServer, sprintId: string): Promise<string> => {
  const id = rowId(sprintId)
  const event = await server.event(
    'SprintChanged',
    (body) => body.sprintId === id && ['COMPLETED', 'FAILED', 'CANCELED'].includes(body.status),
  )
  return event.body.type === 'SprintChanged' ? event.body.status : ''
}

/** A patch that adds one file. */
export const addsFile = (path: string, lines: readonly string[]): string =>
  [
    `diff --git a/${path} b/${path}`,
    'new file mode 100644',
    '--- /dev/null',
    `+++ b/${path}`,
    `@@ -0,0 +1${lines.length === 1 ? '' : `,${lines.length}`} @@`,
    ...lines.map((line) => `+${line}`),
    '',
  ].join('\n')

/** A diff proposed from outside. */
export const proposedDiff = async (
  server: TestServer,
  projectId: string,
  content = addsFile('hello.py', ["print('hello world')"]),
  token?: string,
): Promise<{ id: string; contentHash: string; safety: { evaluationHash: string }; baseCommit: string }> => {
  const { proposeDiff } = await server.query(
    `mutation ($input: ProposeDiffInput!) {
      proposeDiff(input: $input) {
        __typename
        ... on Diff { id contentHash baseCommit safety { evaluationHash } }
        ... on DomainError { message }
      }
    }`,
    { input: { projectId, content, commitMessage: 'Add a file' } },
    token,
  )
  return expectObject(proposeDiff, 'Diff')
}

/** Another actor with a token of its own. */
export const actorWithToken = async (
  server: TestServer,
  actor: { kind?: string; name?: string; role?: string; ownerId?: string },
  tokenRole = 'ADMIN',
): Promise<{ id: string; token: string }> => {
  const { createActor } = await server.query(
    'mutation ($input: CreateActorInput!) { createActor(input: $input) { __typename ... on Actor { id } ... on DomainError { message } } }',
    { input: { kind: 'HUMAN', name: 'somebody', ...actor } },
  )
  const { id } = expectObject(createActor, 'Actor')
  const { createApiToken } = await server.query(
    `mutation ($id: ID!, $role: Role!) {
      createApiToken(actorId: $id, name: "test", role: $role) { __typename ... on IssuedApiToken { secret } ... on DomainError { message } }
    }`,
    { id, role: tokenRole },
  )
  return { id, token: expectObject(createApiToken, 'IssuedApiToken').secret }
}
