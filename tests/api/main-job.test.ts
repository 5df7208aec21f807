import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  endedSprint,
  helloTask,
  readyProject,
  rowId,
  sampleTask,
  startedSprint,
  validatedSpec,
} from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const run = promisify(execFile)

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const sprintQuery = `query ($id: ID!) { node(id: $id) { ... on Sprint {
  status failure plan
  artifacts { path text }
  phases { kind attempt status summary runs { candidates { label status rehearsal } decision { method selected { label } } checkpoints { label sequence } } }
  usage { calls costUsd byAgent { agent rehearsal calls } }
  diff { id status contentHash baseCommit resultTree files { path kind isTest } safety { evaluationHash safe addedCapabilities } approval { missing } }
} } }`

const approveAndCommit = async (diff: { id: string; contentHash: string; safety: { evaluationHash: string } }) => {
  const { reviewDiff } = await server.query(
    `mutation ($id: ID!, $content: String!, $evaluation: String!) {
      reviewDiff(diffId: $id, verdict: APPROVE, contentHash: $content, evaluationHash: $evaluation) {
        __typename ... on Diff { status } ... on DomainError { message }
      }
    }`,
    { id: diff.id, content: diff.contentHash, evaluation: diff.safety.evaluationHash },
  )
  expect(reviewDiff).toEqual({ __typename: 'Diff', status: 'APPROVED' })
  const { commitDiff } = await server.query(
    `mutation ($id: ID!) { commitDiff(diffId: $id) {
      __typename ... on Diff { status commit { oid message diff { id } } } ... on DomainError { message }
    } }`,
    { id: diff.id },
  )
  return commitDiff
}

const git = async (projectId: string, ...args: string[]) => {
  const { stdout } = await run('git', ['--git-dir', server.context.services.git.directory(rowId(projectId)), ...args])
  return stdout
}

it('a failing first attempt is fed back, the second holds, and what was approved is what is committed', async () => {
  const { task, answers } = await sampleTask()
  const projectId = await readyProject(server, { source: { template: 'calculator-python' } })
  const sprintId = await startedSprint(server, await validatedSpec(server, projectId, task, answers))
  expect(await endedSprint(server, sprintId)).toBe('COMPLETED')
  const { node: sprint } = await server.query(sprintQuery, { id: sprintId })

  expect(
    sprint.phases.map((phase: { kind: string; attempt: number; status: string }) => [
      phase.kind,
      phase.attempt,
      phase.status,
    ]),
  ).toEqual([
    ['DISCOVERY', 1, 'SUCCEEDED'],
    ['CODING', 1, 'SUCCEEDED'],
    ['VERIFICATION', 1, 'FAILED'],
    ['CODING', 2, 'SUCCEEDED'],
    ['VERIFICATION', 2, 'SUCCEEDED'],
  ])
  const [, firstCoding, , secondCoding] = sprint.phases
  expect(firstCoding.runs[0].decision).toEqual({ method: 'EVIDENCE', selected: { label: 'A' } })
  expect(firstCoding.runs[0].candidates).toHaveLength(2)
  expect(secondCoding.runs[0].checkpoints.map(({ label }: { label: string }) => label).sort()).toEqual([
    'candidate:A',
    'candidate:B',
    'decision',
    'start',
  ])
  expect(sprint.plan).toContain('calculator')
  expect(sprint.artifacts).toEqual([{ path: 'implementation_plan.md', text: sprint.plan }])
  expect(sprint.usage.byAgent.every(({ rehearsal }: { rehearsal: boolean }) => rehearsal)).toBe(true)
  expect(sprint.diff.files.some(({ isTest }: { isTest: boolean }) => isTest)).toBe(false)
  expect(sprint.diff.approval.missing).toHaveLength(1)

  const committed = await approveAndCommit(sprint.diff)
  expect(committed).toMatchObject({ __typename: 'Diff', status: 'COMMITTED', commit: { diff: { id: sprint.diff.id } } })
  const head = (await git(projectId, 'rev-parse', 'main')).trim()
  expect(head).toBe(committed.commit.oid)
  expect((await git(projectId, 'rev-parse', 'main^{tree}')).trim()).toBe(sprint.diff.resultTree)
  expect((await git(projectId, 'rev-parse', 'main^')).trim()).toBe(sprint.diff.baseCommit)
  expect(await git(projectId, 'log', '-1', '--format=%B', 'main')).toContain(
    `Countersign-Diff: ${rowId(sprint.diff.id)}`,
  )
})

it("the task 'hello world' in an empty project ends with a script that prints it", async () => {
  const projectId = await readyProject(server)
  const sprintId = await startedSprint(server, await validatedSpec(server, projectId, helloTask))
  expect(await endedSprint(server, sprintId)).toBe('COMPLETED')
  const { node: sprint } = await server.query(sprintQuery, { id: sprintId })
  // The project has no test case: what the work itself brought was found and run.
  expect(sprint.diff.files).toEqual([
    { path: 'hello.py', kind: 'ADDED', isTest: false },
    { path: 'test_hello.py', kind: 'ADDED', isTest: true },
  ])
  expect(await approveAndCommit(sprint.diff)).toMatchObject({ status: 'COMMITTED' })

  const directory = await mkdtemp(join(tmpdir(), 'hello-'))
  try {
    await run('git', ['clone', '-q', server.context.services.git.directory(rowId(projectId)), directory])
    const { stdout } = await run('python3', [join(directory, 'hello.py')])
    expect(stdout).toBe('hello world\n')
  } finally {
    await rm(directory, { recursive: true })
  }
})

it('a task that the rehearsal does not know fails with the message that a key is needed', async () => {
  const projectId = await readyProject(server)
  const { createSpec } = await server.query(
    'mutation ($input: CreateSpecInput!) { createSpec(input: $input) { ... on Spec { id } } }',
    { input: { projectId, task: 'Write a compiler for Ada.' } },
  )
  const specId = rowId(createSpec.id)
  await server.event('InterviewChanged', (body) => body.specId === specId && body.status === 'FAILED')
  const { node } = await server.query('query ($id: ID!) { node(id: $id) { ... on Spec { interview { failure } } } }', {
    id: createSpec.id,
  })
  expect(node.interview.failure).toContain('Set OPENAI_API_KEY or ANTHROPIC_API_KEY')
})
