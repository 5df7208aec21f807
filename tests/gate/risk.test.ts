import { execute, parse } from 'graphql'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Migration20261121235600_risk_and_marks as RiskMigration } from '../../migrations/Migration20261121235600_risk_and_marks.ts'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { capabilities } from '../../src/domain/ports/code-analyzer.ts'
import { assessRisk, type PolicyFacts } from '../../src/domain/risk/risk.ts'
import { type RiskFacts, riskFacts } from '../../src/domain/risk/risk-facts.ts'
import { capabilityWeights, findingWeights, ruleWeights } from '../../src/domain/risk/risk-weights.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { createGraphQLContext } from '../../src/schema/context.ts'
import { found } from '../../src/schema/found.ts'
import { schema } from '../../src/schema/index.ts'
import { tableRows } from '../docs/pages.ts'
import { made, mutate } from '../factories/api.ts'
import { branchHas, numbered, patchOf } from '../factories/diff-commands.ts'
import { commit, proposed, review, setPolicy, sqlOf } from '../factories/gate.ts'
import { actorWithToken, addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { testCase } from '../factories/testing.ts'
import { countQueries } from '../support/count-queries.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

describe('the risk of a diff', () => {
  const nothing: RiskFacts = {
    paths: ['a.py'],
    moved: [],
    uses: [],
    findings: [],
    tests: [],
    binaries: [],
    changedLines: 2,
    changedFiles: 1,
  }
  const noPolicy: PolicyFacts = { blocked: [], protectedPaths: [], escalations: [] }
  const assess = (
    facts: Partial<RiskFacts>,
    policy: Partial<PolicyFacts> = {},
    tests: 'PASSED' | 'FAILED' = 'PASSED',
  ) => assessRisk({ ...nothing, ...facts }, { ...noPolicy, ...policy }, tests)
  const use = (capability: (typeof capabilities)[number], count = 1) => ({
    capability,
    path: 'a.py',
    line: 3,
    symbol: 'a.b',
    count,
  })

  it('is none when nothing stands out', () => {
    expect(assess({})).toEqual({ score: 0, reasons: [] })
  })

  it.each(capabilities)('grows by %s, more by more uses, and not without end', (capability) => {
    const [one, two, very, most] = [1, 2, 500, 5_000].map((count) => assess({ uses: [use(capability, count)] }).score)
    expect(one).toBeGreaterThan(0)
    expect(two).toBeGreaterThan(one ?? 0)
    expect(most).toBe(very)
  })

  it('names the place of each reason, the heaviest first', () => {
    const { score, reasons } = assess(
      {
        uses: [
          use('FILESYSTEM_READ'),
          { ...use('SUBPROCESS', 2), symbol: 'os.system' },
          { ...use('SUBPROCESS'), path: 'b.py' },
        ],
        findings: [
          { code: 'NOT_ANALYSED', path: 'run.sh', line: null, count: 1 },
          { code: 'CREDENTIAL', path: 'a.py', line: 9, count: 1 },
          { code: 'A_NEW_CODE', path: null, line: null, count: 1 },
        ],
        tests: [
          { path: 'tests/test_a.py', deleted: true },
          { path: 'tests/test_b.py', deleted: false },
        ],
        binaries: ['logo.png', 'icon.png'],
        changedLines: 45,
        changedFiles: 6,
      },
      { blocked: ['PICKLE'], protectedPaths: ['deploy/a', 'deploy/b', 'deploy/c'], escalations: ['network'] },
      'FAILED',
    )
    expect(reasons).toEqual([
      'changes the protected path deploy/a, and 2 more paths',
      'adds SUBPROCESS: os.system at a.py:3, and 2 more uses',
      'a.py:9 looks like a credential (CREDENTIAL)',
      'the policy blocks PICKLE',
      'its tests fail',
      'deletes the test tests/test_a.py',
      'meets the escalation "network"',
      'edits the test tests/test_b.py, or what decides how tests run',
      'run.sh could not be analysed (NOT_ANALYSED)',
      'the change is worth a look (A_NEW_CODE)',
      'logo.png cannot be read as text, and 1 more file',
      'adds FILESYSTEM_READ: a.b at a.py:3',
      '45 lines change in 6 files',
    ])
    expect(score).toBe(40 + 31 + 30 + 30 + 30 + 25 + 20 + 15 + 12 + 10 + 10 + 5 + 2)
  })

  it('counts tests that fail most, those that were not run less, and those that passed not', () => {
    const by = (tests: Parameters<typeof assessRisk>[2]) => assessRisk(nothing, noPolicy, tests).score
    expect(by('PASSED')).toBe(0)
    expect(by('RUNNING')).toBeGreaterThan(0)
    expect(by(null)).toBeGreaterThan(by('RUNNING'))
    expect(by('CANCELED')).toBe(by(null))
    expect(by('ERRORED')).toBeGreaterThan(by(null))
    expect(by('FAILED')).toBeGreaterThan(by('ERRORED'))
  })

  it('grows with its size up to a bound', () => {
    const by = (changedLines: number) => assess({ changedLines }).score
    expect([by(19), by(20), by(400), by(10_000), by(1_000_000)]).toEqual([0, 1, 20, 30, 30])
  })

  it('weighs what the page on it says', () => {
    const documented = tableRows('docs/SAFETY.md', 'what', 'first', 'each more', 'at most')
    const known = [
      ...Object.entries(capabilityWeights).map(([name, weight]) => [`adds \`${name}\``, weight] as const),
      ...Object.entries(findingWeights).map(([name, weight]) => [`a finding: ${name}`, weight] as const),
      ['a capability that the policy blocks', ruleWeights.blocked] as const,
      ['a protected path', ruleWeights.protected] as const,
      ['an escalation that is met', ruleWeights.escalation] as const,
      ['a test that is deleted', ruleWeights.testDeleted] as const,
      ['a test that is edited', ruleWeights.testEdited] as const,
      ['a file that cannot be read as text', ruleWeights.binary] as const,
    ]
    expect(documented).toEqual(known.map(([words, { first, more, most }]) => [words, `${first}`, `${more}`, `${most}`]))
  })

  it('is kept in short: the first of each group, with its size', () => {
    const file = { kind: 'MODIFIED', isBinary: false, additions: 1, deletions: 1, patch: '' } as const
    const facts = riskFacts(
      [
        { ...file, path: 'b.py', previousPath: 'a.py', isTest: false, kind: 'RENAMED' },
        { ...file, path: 'test_a.py', previousPath: null, isTest: true, kind: 'ADDED' },
        { ...file, path: 'test_b.py', previousPath: null, isTest: true, kind: 'DELETED' },
      ],
      {
        added: [3, 4, 9].map((line) => ({
          ...use('SOCKET'),
          language: 'PYTHON',
          column: 1,
          snippet: '',
          line,
        })),
        issues: [],
        warnings: [1, 2].map((line) => ({ code: 'CREDENTIAL', path: 'a.py', line, message: '' })),
      },
    )
    expect(facts).toEqual({
      paths: ['a.py', 'b.py', 'test_a.py', 'test_b.py'],
      moved: [{ from: 'a.py', to: 'b.py' }],
      uses: [{ ...use('SOCKET'), count: 3 }],
      findings: [{ code: 'CREDENTIAL', path: 'a.py', line: 1, count: 2 }],
      tests: [{ path: 'test_b.py', deleted: true }],
      binaries: [],
      changedLines: 6,
      changedFiles: 3,
    })
  })
})

describe('diffs that wait', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer({ rehearsal: false, pools: { maintenance: 1, tests: 1 } })
  })
  afterAll(() => server[Symbol.asyncDispose]())

  interface Ranked {
    readonly id: string
    readonly risk: { readonly score: number; readonly reasons: readonly string[] }
  }
  const riskOf = async (id: string): Promise<Ranked['risk']> => {
    const { node } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Diff { risk { score reasons } } } }',
      {
        id,
      },
    )
    return node.risk
  }
  const pendingQuery = `query ($id: ID, $first: Int, $last: Int, $after: String, $before: String, $order: PendingOrder) {
    pendingDiffs(projectId: $id, first: $first, last: $last, after: $after, before: $before, order: $order) {
      nodes { id risk { score reasons } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }`
  const pending = async (variables: object, token?: string) =>
    (await server.query(pendingQuery, { order: 'RISK', ...variables }, token)).pendingDiffs as {
      nodes: Ranked[]
      pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string; endCursor: string }
    }

  const runs = (command: string) => ['import subprocess', `subprocess.run(["${command}"])`]

  it('show what their content, their tests and the policy say, as they are now', async () => {
    const projectId = await readyProject(server)
    await branchHas(server, projectId, { 'tests/test_a.py': 'assert True\n', 'deploy/main.txt': 'a\n' })
    const content = await patchOf(server, projectId, {
      'run.py': `${runs('ls').join('\n')}\n`,
      'run.sh': 'ls\n',
      'tests/test_a.py': null,
      'deploy/main.txt': 'b\n',
    })
    const diff = await proposed(server, projectId, { content })
    const first = await riskOf(diff.id)
    expect(first.reasons).toEqual([
      'adds SUBPROCESS: subprocess.run at run.py:2',
      'deletes the test tests/test_a.py',
      'run.sh could not be analysed (NOT_ANALYSED)',
      'no test was run on it',
    ])

    await setPolicy(server, projectId, {
      protectedPaths: ['deploy/**'],
      blockedCapabilities: ['SUBPROCESS'],
      escalations: [{ name: 'processes', capabilities: ['SUBPROCESS'], paths: ['*.py'], requiredApprovals: 2 }],
    })
    const second = await riskOf(diff.id)
    expect(second.reasons).toEqual(
      expect.arrayContaining([
        'changes the protected path deploy/main.txt',
        'the policy blocks SUBPROCESS',
        'meets the escalation "processes"',
      ]),
    )
    expect(second.score).toBeGreaterThan(first.score)

    const failing = await testCase(server, projectId, { command: ['false'] })
    const testRunId = await made(server, 'testDiff', { diffId: diff.id })
    await server.event('TestRunChanged', (body) => body.testRunId === rowId(testRunId) && body.status === 'FAILED')
    const third = await riskOf(diff.id)
    expect(third.reasons).toContain('its tests fail')
    expect((await pending({ id: projectId })).nodes).toEqual([{ id: diff.id, risk: third }])

    await setPolicy(server, projectId, { protectedPaths: [], blockedCapabilities: [], escalations: [] })
    await made(server, 'updateTestCase', { input: { id: failing.id, command: ['true'] } })
    const again = await made(server, 'testDiff', { diffId: diff.id })
    await server.event('TestRunChanged', (body) => body.testRunId === rowId(again) && body.status === 'PASSED')
    expect((await riskOf(diff.id)).reasons).toEqual(first.reasons.slice(0, 3))
  })

  it('by RISK come worst first, of equal ones the oldest, in pages forwards and backwards', async () => {
    const projectId = await readyProject(server)
    const lines = [[400], [], [100], [], [400], [2_000]].map(([count = 1]) => numbered(count).trimEnd().split('\n'))
    const ids: string[] = []
    for (const [index, text] of lines.entries()) {
      ids.push((await proposed(server, projectId, { content: addsFile(`f${index}.txt`, text) })).id)
    }
    const expected = [5, 0, 4, 2, 1, 3].map((index) => ids[index])
    const all = await pending({ id: projectId })
    expect(all.nodes.map(({ id }) => id)).toEqual(expected)
    expect(all.nodes.map(({ risk }) => risk.score)).toEqual([40, 30, 30, 15, 10, 10])

    const forwards: string[] = []
    for (let after: string | null = null; ; ) {
      const { nodes, pageInfo } = await pending({ id: projectId, first: 2, after })
      forwards.push(...nodes.map(({ id }) => id))
      if (!pageInfo.hasNextPage) break
      after = pageInfo.endCursor
    }
    expect(forwards).toEqual(expected)
    const backwards: string[] = []
    for (let before: string | null = null; ; ) {
      const { nodes, pageInfo } = await pending({ id: projectId, last: 4, before })
      backwards.unshift(...nodes.map(({ id }) => id))
      if (!pageInfo.hasPreviousPage) break
      before = pageInfo.startCursor
    }
    expect(backwards).toEqual(expected)
    expect((await pending({ id: projectId, first: 0 })).nodes).toEqual([])

    // The diff that a cursor was made for need not wait any more.
    const { pageInfo } = await pending({ id: projectId, first: 2 })
    await mutate(server, 'markFileReviewed', { diffId: ids[0], path: 'f0.txt', reviewed: true })
    const [, second] = all.nodes
    const hashes = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Diff { id contentHash baseCommit safety { evaluationHash } } } }',
      { id: second?.id },
    )
    await review(server, hashes.node)
    expect(await commit(server, second?.id ?? '')).toMatchObject({ status: 'COMMITTED' })
    const rest = await pending({ id: projectId, after: pageInfo.endCursor })
    expect(rest.nodes.map(({ id }) => id)).toEqual(expected.slice(2))
  })

  it('in one order take no cursor of the other, nor anything made up', async () => {
    const projectId = await readyProject(server)
    for (const name of ['a.txt', 'b.txt']) await proposed(server, projectId, { content: addsFile(name, ['a']) })
    const cursors = {
      RISK: (await pending({ id: projectId, first: 1 })).pageInfo.endCursor,
      OLDEST: (await pending({ id: projectId, first: 1, order: 'OLDEST' })).pageInfo.endCursor,
    }
    const code = async (variables: object) =>
      (await server.request(pendingQuery, { id: projectId, ...variables })).errors?.[0]?.extensions?.code
    expect(await code({ order: 'OLDEST', after: cursors.RISK })).toBe('VALIDATION')
    const { createdAt, id } = { createdAt: '2026-01-01T00:00:00.000Z', id: '6f1c1e2a-0000-4000-8000-000000000000' }
    for (const after of [
      cursors.OLDEST,
      'nonsense',
      ...[
        `risk -1 ${createdAt} ${id}`,
        `risk 1e9 ${createdAt} ${id}`,
        `risk 1 yesterday ${id}`,
        `risk 1 ${createdAt} x`,
      ].map((text) => Buffer.from(text).toString('base64url')),
    ]) {
      expect([after, await code({ order: 'RISK', after })]).toEqual([after, 'VALIDATION'])
      expect([after, await code({ order: 'RISK', before: after })]).toEqual([after, 'VALIDATION'])
    }
    for (const size of [{ first: 1_000 }, { last: -1 }])
      expect(await code({ order: 'RISK', ...size })).toBe('VALIDATION')
  })

  it('by RISK are those of the projects that the viewer can see', async () => {
    const [own, hidden] = [await readyProject(server), await readyProject(server)]
    const member = await actorWithToken(server, { name: 'member' })
    expect((await pending({}, member.token)).nodes).toEqual([])
    await made(server, 'setProjectMember', { projectId: own, actorId: member.id, role: 'VIEWER' })
    const ids: string[] = []
    for (const projectId of [own, hidden]) {
      ids.push((await proposed(server, projectId, { content: addsFile('a.py', runs('ls')) })).id)
    }
    const seen = async (variables: object) => (await pending(variables, member.token)).nodes.map(({ id }) => id)
    expect(await seen({})).toEqual([ids[0]])
    expect(await seen({ id: own })).toEqual([ids[0]])
    expect(await seen({ id: hidden })).toEqual([])
  })

  it('that were stored before risks were have the same facts', async () => {
    const migration = new RiskMigration({} as never, {} as never)
    migration.up()
    const fill = migration
      .getQueries()
      .map(String)
      .filter((query) => query.startsWith('update "diff"'))
    expect(fill).toHaveLength(1)
    const read = async () => {
      const found = await sqlOf(server, 'select id, risk_facts from diff order by id')
      return found.map(({ id, risk_facts: facts }) => {
        const { paths, ...rest } = facts as RiskFacts
        return { id, ...rest, paths: paths.toSorted() }
      })
    }
    const projectId = await readyProject(server)
    await branchHas(server, projectId, {
      'tests/old.py': numbered(20),
      'tests/gone.py': 'x\n',
      'a.bin': Buffer.from([0]),
    })
    const content = await patchOf(server, projectId, {
      'tests/old.py': null,
      'tests/new.py': numbered(20, { 2: 'x = "AKIAIOSFODNN7EXAMPLE"' }),
      'tests/gone.py': null,
      'a.bin': Buffer.from([0, 1]),
      'b.py': `${runs('ls').join('\n')}\n${runs('cat').join('\n')}\neval(input())\n`,
    })
    await proposed(server, projectId, { content, allowInvalidSyntax: true })
    const before = await read()
    expect(before.length).toBeGreaterThan(5)
    await sqlOf(server, 'alter table diff alter column risk_facts drop not null; update diff set risk_facts = null')
    for (const query of fill) await sqlOf(server, query)
    expect(await read()).toEqual(before)
  })

  it('a thousand are ranked by as many statements as ten, none of which reads a patch or a report', async () => {
    const projectId = await readyProject(server)
    await testCase(server, projectId, { command: ['true'] })
    const { id } = await proposed(server, projectId, { content: addsFile('a.py', runs('ls')) })
    const { services, feed } = server.context
    const viewer = found(await authenticate(services, server.token))
    const document = parse(`query ($id: ID!) {
      pendingDiffs(projectId: $id, order: RISK, first: 10) { nodes { id risk { score reasons } } }
    }`)
    const copy = (from: number, to: number) =>
      sql`insert into diff
      select (jsonb_populate_record(diff, jsonb_build_object(
        'id', gen_random_uuid(), 'risk_facts', jsonb_set(risk_facts, '{changedLines}', to_jsonb(number * 20 % 700))
      ))).* from diff, generate_series(${from}::int, ${to}::int) number where id = ${rowId(id)}`.execute(
        rows(services.em()),
      )
    const ask = () =>
      countQueries(async () => {
        const contextValue = createGraphQLContext({ viewer, services, feed, version: '', health: async () => [] })
        const answer = await execute({ schema, document, variableValues: { id: projectId }, contextValue })
        expect(answer).not.toHaveProperty('errors')
        return (answer as unknown as { data: { pendingDiffs: { nodes: Ranked[] } } }).data.pendingDiffs.nodes
      })
    await copy(1, 9)
    const few = await ask()
    await copy(10, 999)
    const many = await ask()
    expect(few.result).toHaveLength(10)
    const scores = many.result.map(({ risk }) => risk.score)
    expect(scores).toEqual(scores.toSorted((a, b) => b - a))
    expect(scores[0]).toBe(Math.max(...scores))
    expect(scores[0]).toBeGreaterThan(few.result[0]?.risk.score ?? 0)
    expect(many.statements).toHaveLength(few.statements.length)
    expect(many.statements.filter((statement) => statement.includes('report'))).toEqual([])
    const whole = many.statements.filter((statement) => /"content"|select \* from "diff"/.test(statement))
    expect(whole).toHaveLength(1)
    expect(whole[0]).toMatch(/where "id" = any/)
  })
})
