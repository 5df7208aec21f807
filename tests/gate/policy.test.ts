import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { statedApproval } from '../../src/domain/evidence/check-approval.ts'
import { statementShape } from '../../src/domain/evidence/statement.ts'
import { policyHash } from '../../src/domain/project/approval-policy.ts'
import { branchHas, type FileContents, patchOf, rebase } from '../factories/diff-commands.ts'
import { noteOf, statementIn } from '../factories/evidence.ts'
import { commit, gitOf, proposed, review, type ShownDiff, setPolicy, sqlOf } from '../factories/gate.ts'
import { actorWithToken, readyProject, rowId } from '../factories/pipeline.ts'
import { endedRun, testCase, testDiff } from '../factories/testing.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let reviewer: { id: string; token: string }
let author: { id: string; token: string }
let unchanged: string
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false, pools: { maintenance: 1, tests: 1 } })
  reviewer = await actorWithToken(server, { name: 'Rita', role: 'REVIEWER' })
  author = await actorWithToken(server, { name: 'Ada', role: 'AUTHOR' })
  unchanged = await readyProject(server)
})
afterAll(() => server[Symbol.asyncDispose]())

/** A project with these files, under this policy. */
const projectWith = async (files: FileContents, policy: object): Promise<string> => {
  const projectId = await readyProject(server, { policy })
  await branchHas(server, projectId, files)
  return projectId
}

const proposedChange = async (projectId: string, files: FileContents): Promise<ShownDiff> =>
  proposed(server, projectId, { content: await patchOf(server, projectId, files) }, author.token)

const stateOf = async (id: string) => {
  const { node } = await server.query(
    `query ($id: ID!) { node(id: $id) { ... on Diff {
      status approval { required given satisfied missing }
      reviews { verdict automatic rule stillHolds reviewer { kind name } }
    } } }`,
    { id },
  )
  return node
}

const policyFields = `hash requiredApprovals allowSelfApproval requirePassingTests guardTests autoRebase agentsMayCommit
  blockedCapabilities protectedPaths escalations { name capabilities paths requiredApprovals }
  autoApprove { name allowedCapabilities paths maxChangedLines requirePassingTests }`

const policyOf = async (id: string) =>
  (await server.query(`query ($id: ID!) { node(id: $id) { ... on Project { policy { ${policyFields} } } } }`, { id }))
    .node.policy

const docs = { name: 'docs', paths: ['docs/**'] }
const lineOf = (words: string) => ({ 'docs/a.md': `${words}\n` })

describe('setApprovalPolicy', () => {
  it('tells whoever follows a waiting diff that other approvals are missing, though it waits as before', async () => {
    const projectId = await projectWith({}, { requiredApprovals: 2 })
    const diff = await proposedChange(projectId, lineOf('one'))
    expect(await review(server, diff, { token: reviewer.token })).toMatchObject({ status: 'HUMAN_REVIEWING' })
    const told = async () => (await sqlOf(server, 'select 1 from event where diff_id = $1', [rowId(diff.id)])).length
    const before = await told()
    await setPolicy(server, projectId, { requiredApprovals: 3 })
    expect(await told()).toBe(before + 1)
    expect((await stateOf(diff.id)).approval).toMatchObject({ given: 0, required: 3 })
  })

  it('takes each field, shows it, leaves the others, and makes every approval fall', async () => {
    const projectId = await readyProject(server)
    const diff = await proposedChange(projectId, lineOf('one'))
    expect(await policyOf(projectId)).toMatchObject({
      guardTests: true,
      autoRebase: false,
      agentsMayCommit: false,
      protectedPaths: [],
      escalations: [],
      autoApprove: [],
    })
    const escalation = { name: 'net', capabilities: ['SOCKET'], paths: ['net/**'], requiredApprovals: 2 }
    const rule = { ...docs, allowedCapabilities: ['PICKLE'], maxChangedLines: 9, requirePassingTests: true }
    const hashes = new Set([(await policyOf(projectId)).hash])
    const fields = {
      guardTests: false,
      autoRebase: true,
      agentsMayCommit: true,
      protectedPaths: ['deploy/**'],
      escalations: [escalation],
      autoApprove: [rule],
    }
    for (const [field, value] of Object.entries(fields)) {
      expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
      const before = await policyOf(projectId)
      await setPolicy(server, projectId, { [field]: value })
      const after = await policyOf(projectId)
      expect(after).toEqual({ ...before, hash: after.hash, [field]: value })
      hashes.add(after.hash)
      expect(await stateOf(diff.id)).toMatchObject({ status: 'HUMAN_REVIEWING', approval: { given: 0 } })
    }
    expect(hashes.size).toBe(1 + Object.keys(fields).length)
  })

  it('fills in what a rule leaves out, and is the same policy however it is written', async () => {
    const projectId = await readyProject(server)
    const net = { name: 'net', capabilities: ['SOCKET', 'PICKLE'], requiredApprovals: 2 }
    const core = { name: 'core', paths: ['a', 'b'], requiredApprovals: 3 }
    await setPolicy(server, projectId, { escalations: [net, core], autoApprove: [{ name: 'all' }] })
    const first = await policyOf(projectId)
    expect(first).toMatchObject({
      escalations: [
        { ...net, paths: [] },
        { ...core, capabilities: [] },
      ],
      autoApprove: [
        { name: 'all', allowedCapabilities: [], paths: ['**'], maxChangedLines: null, requirePassingTests: false },
      ],
    })
    const turned = [
      { ...core, paths: ['b', 'a'] },
      { ...net, capabilities: ['PICKLE', 'SOCKET'] },
    ]
    await setPolicy(server, projectId, { escalations: turned })
    expect((await policyOf(projectId)).hash).toBe(first.hash)
  })

  it.each([
    [{ protectedPaths: ['a', '/etc/**'] }, 'protectedPaths.1', 'begins with a slash'],
    [{ escalations: [{ name: 'a', paths: ['**', 'a/'], requiredApprovals: 2 }] }, 'escalations.0.paths.1', 'ends with'],
    [{ escalations: [{ name: 'a', requiredApprovals: 2 }] }, 'escalations.0', 'needs capabilities, paths or both'],
    [
      { escalations: [{ name: 'a', paths: ['a'], requiredApprovals: 0 }] },
      'escalations.0.requiredApprovals',
      'least 1',
    ],
    [{ autoApprove: [docs, { name: 'docs' }] }, 'autoApprove.1.name', 'another rule'],
    [{ autoApprove: [{ name: 'a <b@c>' }] }, 'autoApprove.0.name', 'must not contain <'],
    [{ autoApprove: [{ name: 'a', paths: [] }] }, 'autoApprove.0.paths', 'leave it out for any'],
    [{ autoApprove: [{ name: 'a', maxChangedLines: -1 }] }, 'autoApprove.0.maxChangedLines', 'negative'],
    [{ autoApprove: Array.from({ length: 21 }, (_, n) => ({ name: `${n}` })) }, 'autoApprove', 'at most 20'],
  ])('refuses %j', async (policy, path, words) => {
    const projectId = unchanged
    const before = await policyOf(projectId)
    const { setApprovalPolicy } = await server.query(
      `mutation ($id: ID!, $policy: ApprovalPolicyInput!) { setApprovalPolicy(projectId: $id, policy: $policy) {
        __typename ... on ValidationError { fieldErrors { path message } }
      } }`,
      { id: projectId, policy },
    )
    expect(setApprovalPolicy).toMatchObject({
      __typename: 'ValidationError',
      fieldErrors: [{ path: path.split('.'), message: expect.stringContaining(words) }],
    })
    expect(await policyOf(projectId)).toEqual(before)
  })

  it('has every diff that waits stand as the new policy says, at once', async () => {
    const projectId = await readyProject(server)
    const [one, two] = [await proposedChange(projectId, lineOf('1')), await proposedChange(projectId, lineOf('2'))]
    await review(server, one)
    await setPolicy(server, projectId, { requiredApprovals: 2 })
    expect([await stateOf(one.id), await stateOf(two.id)]).toMatchObject([
      { status: 'HUMAN_REVIEWING' },
      { status: 'PROPOSED' },
    ])
    await setPolicy(server, projectId, { requiredApprovals: 0 })
    for (const { id } of [one, two]) expect(await stateOf(id)).toMatchObject({ status: 'APPROVED' })
  })
})

describe('the policy asks for', () => {
  it('one approval more where a test is edited, and none for one that is added', async () => {
    const projectId = await projectWith({ 'tests/test_a.py': 'A = 1\n' }, {})
    const edits = await proposedChange(projectId, { 'tests/test_a.py': 'A = 2\n' })
    expect(await review(server, edits)).toMatchObject({ status: 'HUMAN_REVIEWING' })
    expect(await stateOf(edits.id)).toMatchObject({
      approval: { required: 2, given: 1, missing: [expect.stringContaining('tests: "tests/test_a.py"')] },
    })
    expect(await commit(server, edits.id)).toMatchObject({ __typename: 'ApprovalRequiredError' })
    expect(await review(server, edits, { token: reviewer.token })).toMatchObject({ status: 'APPROVED' })
    const adds = await proposedChange(projectId, { 'tests/test_b.py': 'B = 1\n' })
    expect(await review(server, adds)).toMatchObject({ status: 'APPROVED' })
    await setPolicy(server, projectId, { guardTests: false })
    expect(await stateOf(edits.id)).toMatchObject({ approval: { required: 1 } })
  })

  it("an administrator's approval, given as one, where a protected path is touched, were it by moving a file away", async () => {
    const projectId = await projectWith({ 'deploy/run.txt': 'a\nb\nc\n' }, { protectedPaths: ['deploy/**'] })
    const moves = await proposedChange(projectId, { 'deploy/run.txt': null, 'run.txt': 'a\nb\nc\n' })
    expect(await review(server, moves, { token: reviewer.token })).toMatchObject({ status: 'HUMAN_REVIEWING' })
    expect((await stateOf(moves.id)).approval.missing).toEqual([
      'an approval by a person with the role ADMIN, because the policy protects "deploy/run.txt"',
    ])
    const { id } = await actorWithToken(server, { name: 'Boss', role: 'ADMIN' })
    const tokens = await server.query(
      `mutation ($id: ID!) { ${['REVIEWER', 'ADMIN'].map((role) => `${role}: createApiToken(actorId: $id, name: "x", role: ${role}) { ... on IssuedApiToken { secret } }`).join(' ')} }`,
      { id },
    )
    expect(await review(server, moves, { token: tokens.REVIEWER.secret })).toMatchObject({ status: 'HUMAN_REVIEWING' })
    expect(await review(server, moves, { token: tokens.ADMIN.secret })).toMatchObject({ status: 'APPROVED' })
    expect(await commit(server, moves.id)).toMatchObject({ status: 'COMMITTED' })
  })

  it('as many approvals as an escalation says, and says which and why', async () => {
    const policy = {
      escalations: [{ name: 'net', capabilities: ['SOCKET'], paths: ['net/**'], requiredApprovals: 2 }],
    }
    const projectId = await readyProject(server, { policy })
    const connects = 'import socket\n\nsocket.create_connection(("a", 1))\n'
    const inside = await proposedChange(projectId, { 'net/a.py': connects })
    expect((await stateOf(inside.id)).approval).toMatchObject({
      required: 2,
      missing: [expect.stringContaining('the escalation "net" asks for 2, because of SOCKET in "net/a.py"')],
    })
    const outside = await proposedChange(projectId, { 'a.py': connects })
    expect((await stateOf(outside.id)).approval).toMatchObject({ required: 1 })
  })

  it('people who still may: who is no longer a member takes their approval along', async () => {
    const projectId = await readyProject(server)
    const guest = await actorWithToken(server, { name: 'Guest' })
    const member = (mutation: string) =>
      server.query(`mutation ($id: ID!, $actor: ID!) { ${mutation} { __typename ... on DomainError { message } } }`, {
        id: projectId,
        actor: guest.id,
      })
    await member('setProjectMember(projectId: $id, actorId: $actor, role: REVIEWER)')
    const diff = await proposedChange(projectId, lineOf('x'))
    expect(await review(server, diff, { token: guest.token })).toMatchObject({ status: 'APPROVED' })
    await member('removeProjectMember(projectId: $id, actorId: $actor)')
    expect(await stateOf(diff.id)).toMatchObject({ status: 'HUMAN_REVIEWING', approval: { given: 0 } })
  })

  it('a verdict by who still may: not by one who is taken off the project while they wait for its lock', async () => {
    const projectId = await readyProject(server)
    const guest = await actorWithToken(server, { name: 'Waiter' })
    const [project, actor] = [rowId(projectId), rowId(guest.id)]
    await sqlOf(server, `insert into membership (project_id, actor_id, role) values ($1, $2, 'REVIEWER')`, [
      project,
      actor,
    ])
    const diff = await proposedChange(projectId, lineOf('x'))
    await review(server, diff)
    const em = server.context.services.em()
    const { answer } = await em.transactional(async (tx) => {
      await tx.execute('select 1 from project where id = ? for update', [project])
      const answer = review(server, diff, { verdict: 'REJECT', token: guest.token })
      const waiting = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%"project"%'
        and datname = current_database()`
      while ((await em.fork().execute(waiting)).length === 0);
      await tx.execute('delete from membership where actor_id = ?', [actor])
      return { answer }
    })
    expect(await answer).toMatchObject({ __typename: 'NotFoundError' })
    expect(await stateOf(diff.id)).toMatchObject({ status: 'APPROVED' })
  })
})

const byRule = { verdict: 'APPROVE', automatic: true, rule: 'docs', reviewer: { kind: 'AGENT', name: 'Countersign' } }

describe('an auto-approve rule', () => {
  it('approves what is proposed, once, falls and holds again with the policy, and a rejection wins', async () => {
    const projectId = await readyProject(server, { policy: { requiredApprovals: 2, autoApprove: [docs] } })
    const diff = await proposedChange(projectId, lineOf('one'))
    const approved = {
      status: 'APPROVED',
      approval: { required: 2, given: 2, satisfied: true, missing: [] },
      reviews: [{ ...byRule, stillHolds: true }],
    }
    expect(await stateOf(diff.id)).toEqual(approved)
    await setPolicy(server, projectId, { autoApprove: [{ ...docs, maxChangedLines: 0 }] })
    expect(await stateOf(diff.id)).toMatchObject({
      status: 'HUMAN_REVIEWING',
      approval: { given: 0 },
      reviews: [{ ...byRule, stillHolds: false }],
    })
    await setPolicy(server, projectId, { autoApprove: [docs] })
    expect(await stateOf(diff.id)).toEqual(approved)
    const code = await proposedChange(projectId, { 'docs/a.sh': 'rm -rf /\n' })
    expect(await stateOf(code.id)).toMatchObject({ status: 'PROPOSED', reviews: [] })
    expect(await review(server, diff, { verdict: 'REJECT' })).toMatchObject({ status: 'HUMAN_REJECTED' })
    await setPolicy(server, projectId, { autoApprove: [{ ...docs, maxChangedLines: 9 }] })
    expect(await stateOf(diff.id)).toMatchObject({ status: 'HUMAN_REJECTED', reviews: [byRule, { automatic: false }] })
    expect(await commit(server, diff.id)).toMatchObject({ __typename: 'InvalidTransitionError' })
  })

  it('waits for tests where it asks for them, and falls while they run again', async () => {
    const rule = { ...docs, requirePassingTests: true }
    const projectId = await readyProject(server, { policy: { autoApprove: [rule] } })
    const diff = await proposedChange(projectId, lineOf('one'))
    expect(await stateOf(diff.id)).toMatchObject({ status: 'PROPOSED', reviews: [] })
    const { id: passes } = await testCase(server, projectId, { name: 'passes', command: ['true'] })
    const { id: fails } = await testCase(server, projectId, { name: 'fails', command: ['false'] })
    await endedRun(server, (await testDiff(server, diff.id, { testCaseIds: [passes] })).id)
    expect(await stateOf(diff.id)).toMatchObject({ status: 'APPROVED', reviews: [{ ...byRule, stillHolds: true }] })
    await endedRun(server, (await testDiff(server, diff.id, { testCaseIds: [fails] })).id)
    expect(await stateOf(diff.id)).toMatchObject({
      status: 'HUMAN_REVIEWING',
      reviews: [{ ...byRule, stillHolds: false }],
    })
  })

  it('is asked again about a rebased diff, whose commit names it and no person, as evidence shows', async () => {
    const projectId = await readyProject(server, { policy: { autoApprove: [docs] } })
    const old = await proposedChange(projectId, lineOf('one'))
    await branchHas(server, projectId, { 'other.txt': 'x\n' })
    const fresh = await rebase(server, old.id)
    expect(await stateOf(fresh.id)).toMatchObject({ status: 'APPROVED', reviews: [{ ...byRule, stillHolds: true }] })
    const oid = (await commit(server, fresh.id)).commit?.oid ?? ''
    const trailer = await gitOf(server, projectId, 'log', '-1', '--format=%(trailers:key=Reviewed-by,valueonly)', oid)
    expect(trailer).toMatch(/^Auto-approve rule "docs" <[^ ]+@countersign\.invalid>$/)

    const { predicate } = statementShape.parse(statementIn(await noteOf(server, projectId, oid)))
    expect(predicate).toMatchObject({
      diff: { lines: 1 },
      policy: { rules: { guardTests: true, autoApprove: [docs] }, met: { guardedTests: [], autoApprove: ['docs'] } },
      reviews: [{ rule: 'docs', mayReview: false, isAdmin: false, reviewer: { name: 'Auto-approve rule "docs"' } }],
    })
    const { node } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Diff { commit { evidence { valid } } } } }',
      { id: fresh.id },
    )
    expect(node.commit.evidence.valid).toBe(true)

    const missing = (change: (stated: typeof predicate) => void) => {
      const stated = structuredClone(predicate)
      change(stated)
      return statedApproval(stated).missing
    }
    const person = [expect.stringContaining('1 more approval')]
    expect(missing(() => {})).toEqual([])
    // What the rule says it permits has to be what the rest of the statement shows.
    expect(missing((stated) => void Object.assign(stated.policy.met, { autoApprove: [] }))).toEqual(person)
    expect(missing((stated) => void Object.assign(stated.evaluation, { warnings: 1 }))).toEqual(person)
    expect(missing((stated) => void stated.evaluation.addedCapabilities.push('SOCKET'))).toEqual(person)
    expect(missing((stated) => void stated.policy.met.guardedTests.push('t'))).toHaveLength(1)
    expect(missing((stated) => void Object.assign(stated.committer, { kind: 'AGENT' }))).toEqual([
      'a person who commits it',
    ])
    expect(missing((stated) => void Object.assign(stated.policy.rules, { guardTests: false }))).toContain(
      'rules with the hash that the reviews are bound to',
    )
  })
})

it('evidence of a policy that did not have these rules is still enough', async () => {
  const projectId = await readyProject(server)
  const diff = await proposedChange(projectId, lineOf('x'))
  await review(server, diff)
  const oid = (await commit(server, diff.id)).commit?.oid ?? ''
  const statement = statementIn(await noteOf(server, projectId, oid))
  const { predicate } = statement
  const { requiredApprovals, allowSelfApproval, requirePassingTests, blockedCapabilities } = predicate.policy.rules
  const rules = { requiredApprovals, allowSelfApproval, requirePassingTests, blockedCapabilities }
  // The hash that the rules had when there were no others.
  const hash = policyHash(rules)
  predicate.policy = { rules, hash }
  delete predicate.diff.lines
  for (const each of predicate.reviews) {
    delete each.rule
    delete each.isAdmin
    each.policyHash = hash
  }
  expect(statedApproval(statementShape.parse(statement).predicate)).toMatchObject({
    missing: [],
    reviewers: [{ name: 'Administrator' }],
  })
  predicate.policy.rules = { ...rules, unheardOf: true }
  expect(statementShape.safeParse(statement).success).toBe(false)
})

it('tests that the policy asks for are changed by people who may review, others by whoever may propose', async () => {
  const projectId = await readyProject(server)
  const bot = await actorWithToken(server, { kind: 'AGENT', name: 'Bot', role: 'REVIEWER', ownerId: author.id })
  const created = async (token: string) => {
    const { createTestCase } = await server.query(
      `mutation ($input: CreateTestCaseInput!) {
        createTestCase(input: $input) { __typename ... on TestCase { id } ... on ForbiddenError { requiredRole message } }
      }`,
      { input: { projectId, name: 'a test', command: ['false'] } },
      token,
    )
    return createTestCase
  }
  const changed = async (id: string, token: string) => {
    const { updateTestCase, deleteTestCase } = await server.query(
      `mutation ($id: ID!, $input: UpdateTestCaseInput!) {
        updateTestCase(input: $input) { __typename }
        deleteTestCase(id: $id) { __typename }
      }`,
      { id, input: { id, command: ['true'] } },
      token,
    )
    return [updateTestCase.__typename, deleteTestCase.__typename]
  }
  const spare = await created(author.token)
  expect(await changed(spare.id, author.token)).toEqual(['TestCase', 'TestCase'])
  const kept = await created(author.token)
  for (const policy of [
    { requirePassingTests: true },
    { requirePassingTests: false, autoApprove: [{ ...docs, requirePassingTests: true }] },
  ]) {
    await setPolicy(server, projectId, policy)
    for (const { token } of [author, bot]) {
      expect(await created(token)).toMatchObject({ __typename: 'ForbiddenError', requiredRole: 'REVIEWER' })
      expect(await changed(kept.id, token)).toEqual(['ForbiddenError', 'ForbiddenError'])
    }
    expect(await created(reviewer.token)).toMatchObject({ __typename: 'TestCase' })
  }
  expect(await changed(kept.id, reviewer.token)).toEqual(['TestCase', 'TestCase'])
})

it('an agent or service commits what people approved, where the policy says so, and never reviews', async () => {
  const owner = await actorWithToken(server, { name: 'Owner', role: 'REVIEWER' })
  const agent = await actorWithToken(server, { kind: 'AGENT', name: 'Bot', role: 'REVIEWER', ownerId: owner.id })
  const projectId = await readyProject(server, { policy: { autoApprove: [docs] } })
  const byPerson = await proposedChange(projectId, { 'a.txt': 'x\n' })
  await review(server, byPerson, { token: reviewer.token })
  const refused = { __typename: 'ForbiddenError' }
  expect(await commit(server, byPerson.id, agent.token)).toMatchObject({
    ...refused,
    message: 'Only a person can commit.',
  })
  await setPolicy(server, projectId, { agentsMayCommit: true })
  expect(await commit(server, byPerson.id, agent.token)).toMatchObject({ __typename: 'ApprovalRequiredError' })
  expect(await review(server, byPerson, { token: agent.token })).toMatchObject(refused)
  const byRuleAlone = await proposedChange(projectId, lineOf('x'))
  expect(await commit(server, byRuleAlone.id, agent.token)).toMatchObject({
    ...refused,
    message: expect.stringContaining('No person has approved'),
  })
  expect(await stateOf(byRuleAlone.id)).toMatchObject({ status: 'APPROVED' })
  await review(server, byPerson, { token: reviewer.token })
  const done = await commit(server, byPerson.id, agent.token)
  expect(done).toMatchObject({ status: 'COMMITTED' })
  const { predicate } = statementIn(await noteOf(server, projectId, done.commit?.oid ?? ''))
  expect(predicate).toMatchObject({ committer: { kind: 'AGENT' }, policy: { rules: { agentsMayCommit: true } } })
  expect(statedApproval(predicate).missing).toEqual([])
})
