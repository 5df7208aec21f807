import { randomUUID } from 'node:crypto'
import { execute, parse } from 'graphql'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { createGraphQLContext } from '../../src/schema/context.ts'
import { found } from '../../src/schema/found.ts'
import { schema } from '../../src/schema/index.ts'
import { playedSprint } from '../factories/agents.ts'
import { createCast, inTurns, says, uses, writes } from '../factories/cast.ts'
import { sqlOf } from '../factories/gate.ts'
import { actorWithToken, readyProject, rowId } from '../factories/pipeline.ts'
import { testCase } from '../factories/testing.ts'
import { countQueries } from '../support/count-queries.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ overrides: { rehearsalOptions: cast.rehearsalOptions, retry: { baseDelayMs: 1 } } })
})
afterAll(() => server[Symbol.asyncDispose]())

const candidatesQuery = `query ($id: ID!) { node(id: $id) { ... on Sprint { phases { kind runs { candidates {
  id label patch tree
  toolCalls { name isError }
  metrics { toolCalls testsPassed testsFailed }
  safety { evaluationHash safe addedCapabilities issues { code } }
  testRuns {
    id status cached total passed failed diff { id } candidate { id label }
    results { name command status exitCode stdout testCase { id name } }
  }
} } } } } }`

const documentOf = parse(candidatesQuery)

/** The coders' candidates as GraphQL shows them, and the statements it took. */
const codersOf = async (sprintId: string) => {
  const { services, feed } = server.context
  const viewer = found(await authenticate(services, server.token))
  return countQueries(async () => {
    const contextValue = createGraphQLContext({ viewer, services, feed, version: '', health: async () => [] })
    const variableValues = { id: sprintId }
    const { data, errors } = await execute({ schema, document: documentOf, contextValue, variableValues })
    expect(errors).toBeUndefined()
    // biome-ignore lint/suspicious/noExplicitAny: a test knows the shape of what it asked for
    const { phases } = (data as any).node
    return phases.find(({ kind }: { kind: string }) => kind === 'CODING').runs[0].candidates
  })
}

/** Each coder writes what its label is, which is in its instructions. */
const eachWritesItsLabel = (words: string) =>
  cast.task(words, {
    coder: (call) => {
      const label = /The requester adds:\\ncase (\w+)/.exec(JSON.stringify(call.body))?.[1] ?? ''
      const program = label === 'c1' ? 'import subprocess\nsubprocess.run(["true"])\n' : `print("${label}")\n`
      return inTurns(
        writes('made.py', program),
        uses('read_file', { path: 'missing.txt' }),
        says(`Write made.py as ${label}`),
      )(call)
    },
  })

const played = async (projectId: string, count: number) => {
  const labels = Array.from({ length: count }, (_, index) => `c${index}`)
  const subagents = labels.map((label, index) => ({
    provider: index % 2 ? 'ANTHROPIC' : 'OPENAI',
    label,
    instructions: `case ${label}`,
  }))
  const sprint = await playedSprint(server, eachWritesItsLabel('Each its own.'), {
    projectId,
    sprint: { subagents, maxAttempts: 1 },
  })
  expect(sprint.failure).toBeNull()
  return sprint
}

it('a candidate shows its tests with their results, its safety, its patch and its tools, in constant statements', async () => {
  const projectId = await readyProject(server)
  const there = await testCase(server, projectId, { name: 'is there', command: ['test', '-f', 'made.py'] })
  const prints = await testCase(server, projectId, { name: 'prints c0', command: ['grep', '-c', 'c0', 'made.py'] })
  const two = await played(projectId, 2)
  const five = await played(projectId, 5)

  const { result: candidates, statements } = await codersOf(two.id)
  expect(candidates).toMatchObject([
    {
      label: 'c0',
      patch: expect.stringMatching(/^diff --git a\/made\.py b\/made\.py\n[\s\S]*\+print\("c0"\)/),
      toolCalls: [
        { name: 'write_file', isError: false },
        { name: 'read_file', isError: true },
      ],
      metrics: { toolCalls: 2, testsPassed: 2, testsFailed: 0 },
      safety: { safe: true, addedCapabilities: [], issues: [] },
      testRuns: [
        {
          status: 'PASSED',
          cached: false,
          total: 2,
          passed: 2,
          failed: 0,
          diff: null,
          candidate: { id: candidates[0].id, label: 'c0' },
          results: [
            { name: 'is there', status: 'PASSED', exitCode: 0, testCase: { id: there.id, name: 'is there' } },
            { name: 'prints c0', status: 'PASSED', exitCode: 0, stdout: '1\n', testCase: { id: prints.id } },
          ],
        },
      ],
    },
    {
      label: 'c1',
      metrics: { testsPassed: 1, testsFailed: 1 },
      safety: { safe: false, addedCapabilities: ['SUBPROCESS'] },
      testRuns: [
        {
          status: 'FAILED',
          total: 2,
          passed: 1,
          failed: 1,
          candidate: { label: 'c1' },
          results: [{ status: 'PASSED' }, { status: 'FAILED', exitCode: 1, stdout: '0\n' }],
        },
      ],
    },
  ])
  const more = await codersOf(five.id)
  expect(more.result.map(({ testRuns }: { testRuns: object[] }) => testRuns.length)).toEqual([1, 1, 1, 1, 1])
  expect(more.result.every(({ safety }: { safety: object | null }) => safety !== null)).toBe(true)
  expect(more.statements).toHaveLength(statements.length)

  const [{ id, status }] = candidates[1].testRuns
  const { node } = await server.query(
    'query ($id: ID!) { node(id: $id) { ... on TestRun { status candidate { id } diff { id } } } }',
    { id },
  )
  expect(node).toEqual({ status, candidate: { id: candidates[1].id }, diff: null })
  const stranger = await actorWithToken(server, {})
  for (const hidden of [id, candidates[1].id]) {
    expect(
      (await server.query('query ($id: ID!) { node(id: $id) { id } }', { id: hidden }, stranger.token)).node,
    ).toBeNull()
  }

  // The same content on another base is another change.
  await sqlOf(
    server,
    `insert into safety_evaluation
     select (jsonb_populate_record(t, jsonb_build_object('id', $2::text, 'base_tree', 'elsewhere', 'evaluation_hash', 'other',
       'created_at', now() + interval '1 hour'))).* from safety_evaluation t
     where result_tree = $1 order by created_at limit 1`,
    [candidates[0].tree, randomUUID()],
  )
  await server.query('mutation ($id: ID!) { deleteTestCase(id: $id) { __typename } }', { id: prints.id })
  const { result: after } = await codersOf(two.id)
  expect(after[0].safety).toEqual(candidates[0].safety)
  expect(after[0].testRuns[0].results).toEqual([
    candidates[0].testRuns[0].results[0],
    { ...candidates[0].testRuns[0].results[1], testCase: null },
  ])
})

it('what was canceled is no count of tests, and a planner has neither tests nor a report', async () => {
  const projectId = await readyProject(server)
  await testCase(server, projectId, { name: 'is there', command: ['test', '-f', 'made.py'] })
  const sprint = await played(projectId, 1)
  const [coder] = (await codersOf(sprint.id)).result
  await sqlOf(
    server,
    `insert into test_run
     select (jsonb_populate_record(t, jsonb_build_object('id', $2::text, 'status', 'CANCELED', 'passed', 0,
       'created_at', now() + interval '1 hour'))).* from test_run t where id = $1`,
    [rowId(coder.testRuns[0].id), randomUUID()],
  )
  const [again] = (await codersOf(sprint.id)).result
  expect(again.testRuns.map(({ status }: { status: string }) => status)).toEqual(['CANCELED', 'PASSED'])
  expect(again.metrics).toEqual({ ...coder.metrics, testsPassed: 1, testsFailed: 0 })
  const { node } = await server.query(
    `query ($id: ID!) { node(id: $id) { ... on Sprint { phases { kind runs { candidates {
      safety { safe } testRuns { id } metrics { testsPassed testsFailed }
    } } } } } }`,
    { id: sprint.id },
  )
  const discovery = node.phases.find(({ kind }: { kind: string }) => kind === 'DISCOVERY')
  expect(discovery.runs[0].candidates).toEqual([
    { safety: null, testRuns: [], metrics: { testsPassed: null, testsFailed: null } },
  ])
})
