import { randomUUID } from 'node:crypto'
import { execute, getNamedType, isInterfaceType, isLeafType, isObjectType, isRequiredArgument, parse } from 'graphql'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { createGraphQLContext } from '../../src/schema/context.ts'
import { found } from '../../src/schema/found.ts'
import { schema } from '../../src/schema/index.ts'
import { globalId, made, stubSpec } from '../factories/api.ts'
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
import { countQueries } from '../support/count-queries.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server[Symbol.asyncDispose]())

interface Page {
  readonly nodes: readonly { readonly id: string }[]
  readonly edges: readonly { readonly cursor: string; readonly node: { readonly id: string } }[]
  readonly pageInfo: {
    readonly hasNextPage: boolean
    readonly hasPreviousPage: boolean
    readonly startCursor: string | null
    readonly endCursor: string | null
  }
}

const pageFields =
  'nodes { id } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }'

const readPage = async (projectId: string, list: string, args: Readonly<Record<string, unknown>>): Promise<Page> => {
  const { node } = await server.query(
    `query ($id: ID!, $first: Int, $last: Int, $after: String, $before: String) { node(id: $id) { ... on Project {
      list: ${list}(first: $first, last: $last, after: $after, before: $before) { ${pageFields} }
    } } }`,
    { id: projectId, ...args },
  )
  return node.list
}

/** Every page of a list, seven at a time, with something done between two pages. */
const walk = async (
  projectId: string,
  list: string,
  direction: 'forwards' | 'backwards',
  between: () => Promise<unknown>,
): Promise<string[]> => {
  const ids: string[] = []
  let args: Record<string, unknown> = direction === 'forwards' ? { first: 7 } : { last: 7 }
  for (;;) {
    const page = await readPage(projectId, list, args)
    const found = page.nodes.map(({ id }) => id)
    expect(page.edges.map(({ node }) => node.id)).toEqual(found)
    expect(page.pageInfo).toMatchObject({
      startCursor: page.edges[0]?.cursor ?? null,
      endCursor: page.edges.at(-1)?.cursor ?? null,
    })
    if (direction === 'forwards') ids.push(...found)
    else ids.unshift(...found)
    const { hasNextPage, hasPreviousPage, endCursor, startCursor } = page.pageInfo
    if (direction === 'forwards' ? !hasNextPage : !hasPreviousPage) return ids
    args = direction === 'forwards' ? { first: 7, after: endCursor } : { last: 7, before: startCursor }
    await between()
  }
}

describe('a list of 25', () => {
  const lists = [
    ['specs', 'newest first', (projectId: string) => stubSpec(server, projectId)],
    [
      'testCases',
      'oldest first',
      (projectId: string) => made(server, 'createTestCase', { input: { projectId, name: 'x', command: ['true'] } }),
    ],
  ] as const

  it.each(lists)('%s (%s) is read in pages without gaps or repeats while rows are added', async (list, order, add) => {
    const projectId = await readyProject(server)
    // At once, so that many have the same time.
    const there = await Promise.all(Array.from({ length: 25 }, () => add(projectId)))
    for (const direction of ['forwards', 'backwards'] as const) {
      const added: string[] = []
      const read = await walk(projectId, list, direction, async () => added.push(await add(projectId)))
      expect(new Set(read).size).toBe(read.length)
      expect(read).toEqual(expect.arrayContaining(there))
      // What is added comes behind the reader in one direction, and ahead in the other, where it is seen.
      const ahead = (order === 'newest first') === (direction === 'backwards')
      if (ahead) expect(read).toEqual(expect.arrayContaining(added.slice(0, -1)))
      there.push(...added)
    }
    const whole = await readPage(projectId, list, { first: 200 })
    expect(await walk(projectId, list, 'forwards', async () => undefined)).toEqual(whole.nodes.map(({ id }) => id))
    expect(await walk(projectId, list, 'backwards', async () => undefined)).toEqual(whole.nodes.map(({ id }) => id))
  })

  it('refuses what is no cursor or page size, and says which', async () => {
    const projectId = await readyProject(server)
    const at = (time: string, id: string) => Buffer.from(`${time} ${id}`).toString('base64url')
    const uuid = randomUUID()
    for (const args of [
      'first: 10000',
      'first: 201',
      'first: -1',
      'last: 10000',
      'last: -1',
      'first: 1, after: "x"',
      'first: 1, after: ""',
      `first: 1, after: "${at('yesterday', uuid)}"`,
      `first: 1, after: "${at('2026-01-01', 'x')}"`,
      `first: 1, after: "${at('2026-02-31T00:00:00.000Z', uuid)}"`,
      `first: 1, after: "${at('0000-01-01T00:00:00.000Z', uuid)}"`,
      `first: 1, after: "${at('1', uuid)}"`,
      `first: 1, after: "${at('Thu 1 Jan 2026', uuid)}"`,
      `first: 1, after: "${at("2026-01-01'--", uuid)}"`,
      `first: 1, after: "${at('2026-01-01T00:00:00.000Z', '-'.repeat(36))}"`,
      `last: 1, before: "${globalId('Spec', uuid)}"`,
    ]) {
      const { data, errors } = await server.request(
        `query ($id: ID!) { node(id: $id) { ... on Project { specs(${args}) { nodes { id } } } } }`,
        { id: projectId },
      )
      const told = errors?.map(({ extensions }) => extensions?.code) ?? ['none', JSON.stringify(data)]
      expect([args, ...told]).toEqual([args, 'VALIDATION'])
    }
  })

  it.each(['projects', 'actors', 'apiTokens', 'pendingDiffs'])('%s takes the same arguments', async (list) => {
    const { errors } = await server.request(`{ ${list}(first: 10000) { nodes { id } } }`)
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'VALIDATION' }, message: expect.stringContaining('first') })
    expect((await server.query(`{ ${list}(first: 1) { nodes { id } } }`))[list].nodes.length).toBeLessThan(2)
  })

  it('asks for no rows when none are wanted, and has no pages then', async () => {
    const projectId = await readyProject(server)
    await stubSpec(server, projectId)
    expect(await readPage(projectId, 'specs', { first: 0 })).toMatchObject({ nodes: [] })
  })
})

describe('after a sprint', () => {
  const everything = `query ($id: ID!) {
    apiTokens { nodes { ...n } }
    node(id: $id) { ... on Project {
      ...n
      testCases { nodes { ...n } }
      versions { nodes { ...n } }
      webhooks { ...n }
      members { actor { ...n } }
      sessions { nodes { ...n messages { nodes { ...n } } } }
      specs(first: 5) { nodes {
        ...n
        createdBy { ...n }
        interview { candidates { ...n } decision { ...n } }
        sprints(first: 5) { nodes {
          ...n
          phases { ...n runs { ...n candidates { ...n } checkpoints { ...n } decision { ...n } } }
          diff { ...n author { ...n } safety { ...n } testRuns { ...n } comments { ...n } reviews { ...n reviewer { ...n } } }
        } }
      } }
    } }
  } fragment n on Node { __typename id }`

  /** Every object with an id in an answer. */
  const idsIn = (value: unknown): (readonly [id: string, type: string])[] => {
    if (typeof value !== 'object' || value === null) return []
    const { id, __typename } = value as { id?: string; __typename?: string }
    const own = id !== undefined && __typename !== undefined ? [[id, __typename] as const] : []
    return [...own, ...Object.values(value).flatMap(idsIn)]
  }

  it('every type of node is found again by its id, alone and among others, and by nobody else', async () => {
    const projectId = await readyProject(server)
    const print = ['python3', 'hello.py']
    await made(server, 'createTestCase', { input: { projectId, name: 'it prints', command: print } })
    const sprintId = await startedSprint(server, await validatedSpec(server, projectId))
    expect(await endedSprint(server, sprintId)).toBe('COMPLETED')
    const { node: sprint } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Sprint { diff { id contentHash safety { evaluationHash } } } } }',
      { id: sprintId },
    )
    const { id: diffId, contentHash, safety } = sprint.diff
    const approval = { diffId, verdict: 'APPROVE', contentHash, evaluationHash: safety.evaluationHash }
    await made(server, 'addReviewComment', { diffId, path: 'hello.py', side: 'AFTER', line: 1, text: 'Good.' })
    await made(server, 'reviewDiff', approval)
    const sessionId = await made(server, 'createSession', { input: { projectId } })
    await made(server, 'sendMessage', { sessionId, text: 'Hello.' })
    await made(server, 'createVersion', { input: { projectId, message: 'As it was' } })
    await made(server, 'createWebhook', { input: { projectId, url: 'https://example.com/hook' } })

    const all = new Map(idsIn(await server.query(everything, { id: projectId })))
    const node = schema.getType('Node')
    const types = isInterfaceType(node) ? schema.getPossibleTypes(node).map(({ name }) => name) : []
    expect(types.length).toBeGreaterThan(10)
    expect([...new Set(all.values())].sort()).toEqual(types.sort())

    const ids = [...all.keys()]
    const ask = 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }'
    const { nodes } = await server.query(ask, { ids })
    expect(nodes).toEqual(ids.map((id) => ({ __typename: all.get(id), id })))
    for (const [id, __typename] of all) {
      const alone = await server.query('query ($id: ID!) { node(id: $id) { __typename id } }', { id })
      expect(alone.node).toEqual({ __typename, id })
    }

    const outsider = await actorWithToken(server, { name: 'outsider' })
    const hidden = await server.query(ask, { ids }, outsider.token)
    const seen = hidden.nodes.filter((found: unknown) => found !== null)
    expect(seen.map((found: { __typename: string }) => found.__typename)).toEqual(seen.map(() => 'Actor'))
  })
})

describe('a nested list', () => {
  const query = `query ($id: ID!, $first: Int) { node(id: $id) { ... on Project { diffs(first: $first) { nodes {
    id drifted author { name owner { name } } requestedBy { name } sprint { name } supersededBy { id }
    files { path hunks { header } }
    latestTestRun { status results { name status testCase { name } } }
    reviews { verdict stillHolds reviewer { name } }
    approval { required given missing }
    safety { safe evaluationHash }
    project { name members { actor { name } } }
    candidate { label } commit { oid }
  } } } } }`

  /** Copies of a diff with its test run, results, evaluation and reviews, each by an author of its own. */
  const copyDiff = async (diffId: string, copies: number): Promise<void> => {
    const db = rows(server.context.services.em())
    for (let copy = 0; copy < copies; copy++) {
      const [author, diff, safety, testRun] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
      const as = (table: string, change: object, where: ReturnType<typeof sql>) => {
        const name = sql.table(table)
        return sql`insert into ${name} select (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid()) || ${JSON.stringify(change)}::jsonb)).* from ${name} t where ${where}`.execute(
          db,
        )
      }
      const ofDiff = sql`diff_id = ${diffId}`
      await as(
        'actor',
        { id: author, name: `author ${copy}` },
        sql`id = (select author_id from diff where id = ${diffId})`,
      )
      await as(
        'safety_evaluation',
        { id: safety, result_tree: safety },
        sql`id = (select safety_id from diff where id = ${diffId})`,
      )
      await as('diff', { id: diff, author_id: author, safety_id: safety }, sql`id = ${diffId}`)
      await as('test_run', { id: testRun, diff_id: diff }, ofDiff)
      await as('test_result', { test_run_id: testRun }, sql`test_run_id = (select id from test_run where ${ofDiff})`)
      await as('review', { id: randomUUID(), diff_id: diff, reviewer_id: author }, ofDiff)
    }
  }

  it('of 50 diffs takes as many statements as one of 5', async () => {
    const projectId = await readyProject(server)
    await made(server, 'createTestCase', { input: { projectId, name: 'passes', command: ['true'] } })
    await made(server, 'createTestCase', { input: { projectId, name: 'passes too', command: ['true'] } })
    const diff = await proposedDiff(server, projectId, addsFile('a.txt', ['a']))
    await server.event('DiffChanged', (body) => body.diffId === rowId(diff.id))
    for (;;) {
      const { node } = await server.query(
        'query ($id: ID!) { node(id: $id) { ... on Diff { latestTestRun { status } } } }',
        {
          id: diff.id,
        },
      )
      if (!['QUEUED', 'RUNNING'].includes(node.latestTestRun.status)) break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const hashes = { contentHash: diff.contentHash, evaluationHash: diff.safety.evaluationHash }
    await made(server, 'reviewDiff', { diffId: diff.id, verdict: 'APPROVE', ...hashes })
    await copyDiff(rowId(diff.id), 49)

    const { services, feed } = server.context
    const viewer = found(await authenticate(services, server.token))
    const document = parse(query)
    const read = (first: number) =>
      countQueries(async () => {
        const contextValue = createGraphQLContext({ viewer, services, feed, version: '', health: async () => [] })
        const { data, errors } = await execute({
          schema,
          document,
          contextValue,
          variableValues: { id: projectId, first },
        })
        expect(errors).toBeUndefined()
        // biome-ignore lint/suspicious/noExplicitAny: a test knows the shape of what it asked for
        return data as any
      })
    const [few, many] = [await read(5), await read(50)]
    expect(few.result.node.diffs.nodes).toHaveLength(5)
    const { nodes } = many.result.node.diffs
    expect(nodes).toHaveLength(50)
    for (const node of nodes) {
      expect(node).toMatchObject({
        files: [{ path: 'a.txt' }],
        latestTestRun: { status: 'PASSED', results: [{ name: 'passes' }, { name: 'passes too' }] },
        reviews: [{ verdict: 'APPROVE' }],
        safety: { evaluationHash: diff.safety.evaluationHash },
      })
    }
    expect(many.statements).toHaveLength(few.statements.length)
    expect(few.statements.length).toBeGreaterThan(5)
    expect(few.statements.length).toBeLessThan(30)
  })
})

it('the same page of several projects is one statement that gives each its own rows, and no more than asked for', async () => {
  const projects = await Promise.all(['one', 'two', 'three'].map((name) => readyProject(server, { name })))
  const specs = new Map<string, string[]>()
  for (const projectId of projects) {
    const ids: string[] = []
    for (let count = 0; count < 4; count++) ids.push(await stubSpec(server, projectId))
    specs.set(projectId, ids)
  }
  const { nodes } = await server.query(
    'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Project { id specs(first: 2) { nodes { id } pageInfo { hasNextPage } } } } }',
    { ids: projects },
  )
  expect(nodes).toEqual(
    projects.map((id) => ({
      id,
      specs: {
        nodes: (specs.get(id) ?? [])
          .slice(-2)
          .reverse()
          .map((spec) => ({ id: spec })),
        pageInfo: { hasNextPage: true },
      },
    })),
  )
})

it('what is asked for by itself is what it is beside everything else, in a list and alone', async () => {
  const projectId = await readyProject(server)
  const input = { projectId, content: addsFile('a.txt', ['a']), commitMessage: 'Add a file', prompt: 'Because.' }
  const id = await made(server, 'proposeDiff', { input })
  const read = async (asked: string) =>
    server.query(
      `query ($id: ID!, $project: ID!) {
        one: node(id: $id) { ... on Diff { id ${asked} } }
        list: node(id: $project) { ... on Project { diffs(first: 1) { nodes { id ${asked} } } } }
        pendingDiffs(first: 1, projectId: $project) { nodes { id ${asked} } }
      }`,
      { id, project: projectId },
    )
  const { one } = await read('contentHash safety { evaluationHash }')
  const hashes = { contentHash: one.contentHash, evaluationHash: one.safety.evaluationHash }
  await made(server, 'reviewDiff', { diffId: id, verdict: 'APPROVE', ...hashes })
  await sql`insert into test_run (id, project_id, diff_id, tree, base_tree, basis, status, sandbox, force, cached, total,
      passed, failed, created_at, started_at, finished_at)
    select gen_random_uuid(), project_id, id, result_tree, base_tree, 'WORKSPACE', 'PASSED', 'none', false, false, 0, 0, 0,
      created_at, created_at, created_at + interval '2 seconds' from diff where id = ${rowId(id)}`.execute(
    rows(server.context.services.em()),
  )
  const fieldsOf = (name: string): string[] => {
    const type = schema.getType(name)
    if (!isObjectType(type)) throw new Error(`There is no type ${name}.`)
    return Object.values(type.getFields())
      .filter(({ args }) => !args.some(isRequiredArgument))
      .map((field) => (isLeafType(getNamedType(field.type)) ? field.name : `${field.name} { __typename }`))
  }
  const fields = [
    ...fieldsOf('Diff'),
    ...fieldsOf('Actor').map((field) => `author { ${field} }`),
    ...fieldsOf('FileChange').map((field) => `files { ${field} }`),
    ...fieldsOf('Review').map((field) => `reviews { ${field} }`),
    ...fieldsOf('TestRun').map((field) => `testRuns { ${field} }`),
    ...fieldsOf('ApprovalState').map((field) => `approval { ${field} }`),
    ...fieldsOf('Risk').map((field) => `risk { ${field} }`),
  ]
  const whole = await read(fields.join(' '))
  expect(whole.one).toMatchObject({
    content: input.content,
    prompt: 'Because.',
    files: [{ patch: expect.stringContaining('+a') }],
    reviews: [{ stillHolds: true }],
    testRuns: [{ durationMs: 2_000 }],
  })
  expect(whole.list.diffs.nodes).toEqual([whole.one])
  expect(whole.pendingDiffs.nodes).toEqual([whole.one])
  expect(fields.length).toBeGreaterThan(60)
  for (const asked of fields) expect(whole, asked).toMatchObject(await read(asked))
})
