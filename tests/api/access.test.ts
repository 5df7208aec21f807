import { request as httpRequest } from 'node:http'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Role, roles } from '../../src/domain/errors.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { componentNames } from '../../src/health/component.ts'
import { globalId, made, mutate, mutationNames, stubSpec } from '../factories/api.ts'
import { actorWithToken, proposedDiff, readyProject, rowId } from '../factories/pipeline.ts'
import { readRun } from '../factories/runs.ts'
import { connectSocket, initiate, openSocket } from '../support/graphql-socket.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let production: TestServer
let project: Awaited<ReturnType<typeof filledProject>>
let other: Awaited<ReturnType<typeof filledProject>>

/** A project with one of everything that a mutation may be about. */
const filledProject = async () => {
  const projectId = await readyProject(server)
  const specId = await stubSpec(server, projectId)
  const sprintId = await made(server, 'createSprint', { input: { specId, name: 'x', goal: 'x' } })
  const { id: diffId } = await proposedDiff(server, projectId)
  const testCaseId = await made(server, 'createTestCase', { input: { projectId, name: 'x', command: ['true'] } })
  const testRunId = await made(server, 'testDiff', { diffId })
  const versionId = await made(server, 'createVersion', { input: { projectId, message: 'x' } })
  const runId = await made(server, 'startRun', { input: { projectId, message: 'x' } })
  const { candidates, checkpoints } = await readRun(server, runId)
  const run = { runId, candidateId: candidates[0].id, checkpointId: checkpoints[0].id }
  const sessionId = await made(server, 'createSession', { input: { projectId } })
  const commentId = await made(server, 'addReviewComment', {
    diffId,
    path: 'hello.py',
    side: 'AFTER',
    line: 1,
    text: 'x',
  })
  const webhookId = await made(server, 'createWebhook', { input: { projectId, url: 'https://receiver.invalid/' } })
  const rest = { ...run, sessionId, commentId, webhookId }
  return { projectId, specId, sprintId, diffId, testCaseId, testRunId, versionId, ...rest }
}

beforeAll(async () => {
  ;[server, production] = await Promise.all([
    startTestServer({ pools: { maintenance: 2 } }),
    startTestServer({ pools: {}, env: { NODE_ENV: 'production' } }),
  ])
  project = await filledProject()
  other = await filledProject()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await production[Symbol.asyncDispose]()
})

const unauthenticated = { code: 'UNAUTHENTICATED' }
const whoAmI = '{ viewer { name } }'

/** Tokens that give access to nothing, by what is wrong with them. */
const uselessTokens = async () => {
  const expired = await actorWithToken(server, { name: 'expired', role: 'ADMIN' })
  const revoked = await actorWithToken(server, { name: 'revoked', role: 'ADMIN' })
  const disabled = await actorWithToken(server, { name: 'disabled', role: 'ADMIN' })
  const db = rows(server.context.services.em())
  const past = new Date(Date.now() - 1)
  await db.updateTable('ApiToken').set({ expiresAt: past }).where('actorId', '=', rowId(expired.id)).execute()
  await db.updateTable('ApiToken').set({ revokedAt: past }).where('actorId', '=', rowId(revoked.id)).execute()
  await db.updateTable('Actor').set({ disabledAt: past }).where('id', '=', rowId(disabled.id)).execute()
  return {
    unknown: 'csk_unknown',
    'very long': 'x'.repeat(8_000),
    'an expired one': expired.token,
    'a revoked one': revoked.token,
    "a disabled actor's": disabled.token,
  }
}

describe('without a token that holds', () => {
  it('nothing is answered: not over POST, GET, SSE or WebSocket, whatever is wrong with the token', async () => {
    for (const [kind, token] of Object.entries({ none: null, ...(await uselessTokens()) })) {
      const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` }
      const url = `${server.url}/graphql`
      const body = JSON.stringify({ query: whoAmI })
      const json = { 'content-type': 'application/json' }
      const ways: Readonly<Record<string, () => Promise<Response>>> = {
        post: () => fetch(url, { method: 'POST', headers: { ...headers, ...json }, body }),
        get: () => fetch(`${url}?query=${encodeURIComponent(whoAmI)}`, { headers }),
        sse: () => fetch(url, { method: 'POST', headers: { ...headers, ...json, accept: 'text/event-stream' }, body }),
        introspection: () => fetch(`${url}?query={__schema{types{name}}}`, { headers }),
        'a field that is none': () => fetch(`${url}?query={viewr}`, { headers }),
        'a syntax error': () => fetch(`${url}?query={`, { headers }),
        'a body that is none': () => fetch(url, { method: 'POST', headers: { ...headers, ...json }, body: '{' }),
      }
      for (const [way, send] of Object.entries(ways)) {
        const response = await send()
        const text = await response.text()
        expect([kind, way, response.status, text]).toEqual([kind, way, 401, expect.stringContaining('UNAUTHENTICATED')])
        expect(response.headers.get('www-authenticate')).toBe('Bearer')
        expect(text).not.toMatch(/viewer|__schema|Syntax/)
      }
      await using socket = await connectSocket(server.url)
      initiate(socket, token)
      expect([kind, (await socket.closed).code]).toEqual([kind, 4403])
    }
  })

  it.each(['Basic abc', 'Bearer', 'Bearer ', 'Bearer a b', 'bearer', 'Token x'])(
    'the authorization %j is none',
    async (authorization) => {
      const headers = { 'content-type': 'application/json', authorization }
      const body = JSON.stringify({ query: whoAmI })
      const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body })
      const { errors } = await response.json()
      expect([response.status, errors[0].extensions]).toEqual([401, unauthenticated])
    },
  )

  it('a token in the URL or a cookie is not looked at', async () => {
    const response = await fetch(`${server.url}/graphql?query=${whoAmI}&access_token=${server.token}`, {
      headers: { cookie: `token=${server.token}; authorization=Bearer ${server.token}` },
    })
    expect(response.status).toBe(401)
  })

  it('a connection that sends an operation before it has said who it is is closed with 4401', async () => {
    await using socket = await connectSocket(server.url)
    socket.first(whoAmI).catch(() => undefined)
    expect((await socket.closed).code).toBe(4401)
  })

  it('/healthz and /readyz are answered, without details', async () => {
    const health = await fetch(`${server.url}/healthz`)
    expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }])
    const ready = await fetch(`${server.url}/readyz`)
    const { components } = await ready.json()
    for (const component of components) expect(Object.keys(component).sort()).toEqual(['name', 'ok'])
    expect(components.map(({ name }: { name: string }) => name)).toEqual(componentNames)
  })

  it.each(['/', '/graphql/', '/graphql/x', '/GraphQL', '/../admin-token', '/metrics', '/queues', '//graphql'])(
    'the path %s gives nothing away',
    async (path) => {
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const { port } = new URL(server.url)
        httpRequest({ port, host: '127.0.0.1', path }, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
          .once('error', reject)
          .end()
      })
      expect([401, 404]).toContain(status)
    },
  )
})

describe('GraphiQL', () => {
  const page = (url: string) =>
    fetch(`${url}/graphql`, { headers: { accept: 'text/html,application/xml;q=0.9,*/*;q=0.8' } })

  it('is served in development, whole, from this server alone', async () => {
    const response = await page(server.url)
    const html = await response.text()
    expect([response.status, response.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')])
    expect(html).toContain('Countersign')
    const tags = html.match(/<(script|link|img|iframe)\b[^>]*>/g) ?? []
    expect(tags.filter((tag) => /(src|href)=["']?(https?:)?\/\//.test(tag))).toEqual([])
    expect(html.match(/unpkg\.com|jsdelivr|cdnjs|esm\.sh|fonts\.g/g) ?? []).toEqual([])
    expect(html).not.toContain(server.token)
  })

  it('is not served in production, where the page asks for a token like any other request', async () => {
    const response = await page(production.url)
    expect(response.status).toBe(401)
    expect(await response.text()).not.toContain('<html')
  })
})

describe('a subscription', () => {
  const events = 'subscription ($id: ID!) { projectEvents(projectId: $id) { ... on InterviewChanged { spec { id } } } }'

  afterEach(() => {
    vi.restoreAllMocks()
  })
  /** The viewers' own rows change while they listen; the server looks again once half a second has passed for it. */
  const later = (ms: number) => {
    const now = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => now() + ms)
  }

  it('ends when its token is revoked, and leaves out a project that its viewer may no longer see', async () => {
    const member = await actorWithToken(server, { name: 'a member' })
    const leaver = await actorWithToken(server, { name: 'a leaver' })
    for (const { id } of [member, leaver]) {
      await made(server, 'setProjectMember', { projectId: project.projectId, actorId: id, role: 'VIEWER' })
      await made(server, 'setProjectMember', { projectId: other.projectId, actorId: id, role: 'VIEWER' })
    }
    const bothProjects = 'subscription { events { projectId } }'
    const heard = server.subscribe(events, { id: project.projectId }, member.token)
    const heardByLeaver = server.subscribe(bothProjects, {}, leaver.token)
    const [first, firstOfLeaver] = [heard.next(), heardByLeaver.next()]
    // Subscribing takes a moment that nothing announces: events are made until the first one arrives.
    let arrived = 0
    const seen = Promise.all([first, firstOfLeaver].map((next) => next.then(() => arrived++)))
    while (arrived < 2) await stubSpec(server, project.projectId)
    await seen

    const db = rows(server.context.services.em())
    await db.updateTable('ApiToken').set({ revokedAt: new Date() }).where('actorId', '=', rowId(member.id)).execute()
    await made(server, 'removeProjectMember', { projectId: project.projectId, actorId: leaver.id })
    later(5_000)
    const hidden = await stubSpec(server, project.projectId)
    await stubSpec(server, other.projectId)
    for (;;) {
      const { value, done } = await heard.next()
      if (done) break
      expect(value.data.projectEvents.spec.id).not.toBe(hidden)
    }
    // What was queued before the change may still come; then the hidden one is passed over for the other project's.
    for (;;) {
      const { value } = await heardByLeaver.next()
      if (value.data.events.projectId === other.projectId) break
    }
    await heardByLeaver.return?.()
  })
})

describe('an agent', () => {
  it('needs an owner, who is a person', async () => {
    const create = (input: object) => mutate(server, 'createActor', { input: { name: 'x', ...input } })
    expect(await create({ kind: 'AGENT' })).toMatchObject({ fieldErrors: [{ path: ['ownerId'] }] })
    expect(await create({ kind: 'SERVICE' })).toMatchObject({ fieldErrors: [{ path: ['ownerId'] }] })
    const person = await made(server, 'createActor', { input: { kind: 'HUMAN', name: 'owner' } })
    const agent = await made(server, 'createActor', { input: { kind: 'AGENT', name: 'agent', ownerId: person } })
    expect(await create({ kind: 'AGENT', ownerId: agent })).toMatchObject({ fieldErrors: [{ path: ['ownerId'] }] })
    expect(await create({ kind: 'HUMAN', ownerId: person })).toMatchObject({ fieldErrors: [{ path: ['ownerId'] }] })
  })

  it.each(['AGENT', 'SERVICE'])('that is an ADMIN %s can neither review nor commit, but propose', async (kind) => {
    const owner = await made(server, 'createActor', { input: { kind: 'HUMAN', name: 'owner' } })
    const { token } = await actorWithToken(server, { kind, name: 'agent', role: 'ADMIN', ownerId: owner })
    const { diffId } = project
    const hashes = { contentHash: '0'.repeat(64), evaluationHash: '0'.repeat(64) }
    for (const verdict of ['APPROVE', 'REJECT']) {
      const answer = await mutate(server, 'reviewDiff', { diffId, verdict, ...hashes }, token)
      expect(answer).toMatchObject({ __typename: 'ForbiddenError', message: expect.stringContaining('Only a person') })
    }
    expect(await mutate(server, 'commitDiff', { diffId }, token)).toMatchObject({ __typename: 'ForbiddenError' })
    expect((await proposedDiff(server, project.projectId, undefined, token)).id).toEqual(expect.any(String))
  })
})

describe('a role', () => {
  let spare: string
  let archived: string
  let someone: string
  let someonesToken: string
  beforeAll(async () => {
    archived = await readyProject(server)
    await made(server, 'archiveProject', { id: archived })
    someone = await made(server, 'createActor', { input: { kind: 'HUMAN', name: 'someone' } })
    await mutate(server, 'createApiToken', { actorId: someone, name: 'x', role: 'VIEWER' })
    const db = rows(server.context.services.em())
    const { id } = await db
      .selectFrom('ApiToken')
      .select('id')
      .where('actorId', '=', rowId(someone))
      .executeTakeFirstOrThrow()
    someonesToken = globalId('ApiToken', id)
    // Nobody words it here: who may ask is told that others have.
    const wish = {
      id: rowId(someone),
      requestedById: rowId(someone),
      instructions: 'theirs',
      messageHash: '',
      failure: null,
    }
    await db
      .updateTable('Diff')
      .set({ refinement: sql`${JSON.stringify(wish)}::jsonb` })
      .where('id', '=', rowId(project.diffId))
      .execute()
  })

  const zero = '0'.repeat(64)

  /** For each mutation the lowest role that may call it, where it must be held, and a call that changes little. */
  const needed: Readonly<Record<string, readonly [role: Role, held: 'server' | 'project', variables: () => object]>> = {
    addReviewComment: [
      'REVIEWER',
      'project',
      () => ({ diffId: project.diffId, path: 'hello.py', side: 'AFTER', line: 1, text: 'x' }),
    ],
    answerInterview: ['AUTHOR', 'project', () => ({ specId: project.specId, answers: [{ key: 'none', answer: 'x' }] })],
    approvePlan: ['AUTHOR', 'project', () => ({ sprintId: project.sprintId })],
    archiveProject: ['ADMIN', 'project', () => ({ id: archived })],
    cancelRun: ['AUTHOR', 'project', () => ({ id: project.runId })],
    cancelSprint: ['AUTHOR', 'project', () => ({ id: project.sprintId })],
    cancelTestRun: ['AUTHOR', 'project', () => ({ id: project.testRunId })],
    commitDiff: ['REVIEWER', 'project', () => ({ diffId: project.diffId })],
    createActor: ['ADMIN', 'server', () => ({ input: { kind: 'HUMAN', name: 'made by a role' } })],
    createApiToken: ['ADMIN', 'server', () => ({ actorId: someone, name: 'x', role: 'VIEWER' })],
    createProject: ['ADMIN', 'server', () => ({ input: { name: 'x', source: { template: 'none' } } })],
    createSession: ['AUTHOR', 'project', () => ({ input: { projectId: project.projectId } })],
    createSpec: ['AUTHOR', 'project', () => ({ input: { projectId: project.projectId, task: 'x', mode: 'STUB' } })],
    createSprint: ['AUTHOR', 'project', () => ({ input: { specId: project.specId, name: 'x', goal: 'x' } })],
    createTestCase: [
      'AUTHOR',
      'project',
      () => ({ input: { projectId: project.projectId, name: 'x', command: ['true'] } }),
    ],
    createVersion: ['AUTHOR', 'project', () => ({ input: { projectId: project.projectId, message: 'x' } })],
    createWebhook: [
      'ADMIN',
      'project',
      () => ({ input: { projectId: project.projectId, url: 'https://receiver.invalid/' } }),
    ],
    // Anybody's own draft; this one is somebody else's, and so is not there.
    deleteReviewComment: ['VIEWER', 'project', () => ({ id: project.commentId })],
    deleteSession: ['AUTHOR', 'project', () => ({ id: project.sessionId })],
    deleteTestCase: ['AUTHOR', 'project', () => ({ id: spare })],
    deleteWebhook: ['ADMIN', 'project', () => ({ id: project.webhookId })],
    forkRun: ['AUTHOR', 'project', () => ({ input: { checkpointId: project.checkpointId, label: 'x' } })],
    interruptSession: ['AUTHOR', 'project', () => ({ id: project.sessionId })],
    keepHunks: ['REVIEWER', 'project', () => ({ diffId: project.diffId, hunks: [] })],
    markFileReviewed: ['VIEWER', 'project', () => ({ diffId: project.diffId, path: 'hello.py', reviewed: true })],
    openReview: ['REVIEWER', 'project', () => ({ diffId: project.diffId })],
    proposeCandidate: ['AUTHOR', 'project', () => ({ candidateId: project.candidateId })],
    proposeDiff: [
      'AUTHOR',
      'project',
      () => ({ input: { projectId: project.projectId, content: '', commitMessage: 'x' } }),
    ],
    rebaseDiff: ['REVIEWER', 'project', () => ({ diffId: project.diffId })],
    refineCommitMessage: ['REVIEWER', 'project', () => ({ diffId: project.diffId })],
    removeProjectMember: ['ADMIN', 'project', () => ({ projectId: project.projectId, actorId: someone })],
    retryInterview: ['AUTHOR', 'project', () => ({ specId: project.specId })],
    retrySprint: ['AUTHOR', 'project', () => ({ id: project.sprintId })],
    revertDiff: ['AUTHOR', 'project', () => ({ diffId: project.diffId })],
    reviewDiff: [
      'REVIEWER',
      'project',
      () => ({ diffId: project.diffId, verdict: 'APPROVE', contentHash: zero, evaluationHash: zero }),
    ],
    revokeApiToken: ['ADMIN', 'server', () => ({ id: someonesToken })],
    rollbackToVersion: ['AUTHOR', 'project', () => ({ versionId: project.versionId })],
    sendMessage: ['AUTHOR', 'project', () => ({ sessionId: project.sessionId, text: 'x' })],
    setApprovalPolicy: ['ADMIN', 'project', () => ({ projectId: project.projectId, policy: {} })],
    setEnvironment: ['ADMIN', 'project', () => ({ projectId: project.projectId, environment: {} })],
    setProjectMember: ['ADMIN', 'project', () => ({ projectId: project.projectId, actorId: someone, role: 'VIEWER' })],
    startRun: ['AUTHOR', 'project', () => ({ input: { projectId: project.projectId, message: 'x' } })],
    startSprint: ['AUTHOR', 'project', () => ({ id: project.sprintId })],
    syncProject: ['REVIEWER', 'project', () => ({ id: project.projectId })],
    testDiff: ['AUTHOR', 'project', () => ({ diffId: project.diffId })],
    updateActor: ['ADMIN', 'server', () => ({ id: someone, name: 'someone' })],
    updateCommitMessage: ['REVIEWER', 'project', () => ({ diffId: project.diffId, message: 'x' })],
    updateProject: ['ADMIN', 'project', () => ({ input: { id: project.projectId, name: 'x' } })],
    updateSprint: ['AUTHOR', 'project', () => ({ id: project.sprintId, budget: { maxTokens: 1 } })],
    updateTestCase: ['AUTHOR', 'project', () => ({ input: { id: spare, name: 'y' } })],
  }

  it('is decided for every mutation that there is', () => {
    expect(Object.keys(needed).sort()).toEqual(mutationNames())
  })

  /** Each mutation, called: whether it was forbidden, and the role that the answer names. */
  const outcomes = async (token: string) => {
    const outcome: Record<string, string> = {}
    for (const [name, [, , variables]] of Object.entries(needed)) {
      spare = await made(server, 'createTestCase', {
        input: { projectId: project.projectId, name: 'spare', command: ['true'] },
      })
      const { __typename, requiredRole } = await mutate(server, name, variables(), token)
      outcome[name] = __typename === 'ForbiddenError' ? `needs ${requiredRole}` : 'allowed'
    }
    return outcome
  }

  const expected = (held: Role, on: 'server' | 'project') =>
    Object.fromEntries(
      Object.entries(needed).map(([name, [role, where]]) => {
        const suffices = roles.indexOf(held) >= roles.indexOf(role) && (where === 'project' || on === 'server')
        return [name, suffices ? 'allowed' : `needs ${role}`]
      }),
    )

  describe.each(roles)('%s', (role) => {
    it('on all projects allows what it says and no more', async () => {
      const { token } = await actorWithToken(server, { name: `${role} everywhere`, role })
      expect(await outcomes(token)).toEqual(expected(role, 'server'))
    })

    it("of a token bounds its actor's", async () => {
      const { token } = await actorWithToken(server, { name: `ADMIN with a ${role} token`, role: 'ADMIN' }, role)
      expect(await outcomes(token)).toEqual(expected(role, 'server'))
    })

    it('of a member holds on the project, and nowhere else', async () => {
      const { id, token } = await actorWithToken(server, { name: `${role} of one project` })
      for (const projectId of [project.projectId, archived]) {
        await made(server, 'setProjectMember', { projectId, actorId: id, role })
      }
      expect(await outcomes(token)).toEqual(expected(role, 'project'))
    })
  })

  it('of a token that a bounded token makes is bounded too', async () => {
    const { token } = await actorWithToken(server, { name: 'climber', role: 'ADMIN' }, 'VIEWER')
    const { secret } = await mutate(server, 'createApiToken', { name: 'x', role: 'ADMIN' }, token)
    expect(secret).toMatch(/^csk_/)
    expect(
      await mutate(server, 'createProject', { input: { name: 'x', source: { empty: true } } }, secret),
    ).toMatchObject({
      __typename: 'ForbiddenError',
      requiredRole: 'ADMIN',
    })
  })

  it("lets nobody see another's tokens but an ADMIN, and everybody revoke their own", async () => {
    const first = await actorWithToken(server, { name: 'first', role: 'REVIEWER' })
    const node = 'query ($id: ID!) { node(id: $id) { id } }'
    expect(await server.query(node, { id: someonesToken }, first.token)).toEqual({ node: null })
    expect(await server.query(node, { id: someonesToken })).toEqual({ node: { id: someonesToken } })
    const { apiTokens } = await server.query('{ apiTokens { nodes { id name actor { id } } } }', {}, first.token)
    expect(apiTokens.nodes).toEqual([{ id: expect.any(String), name: 'test', actor: { id: first.id } }])
    expect((await server.request('{ actors { nodes { id } } }', {}, first.token)).errors?.[0]?.extensions?.code).toBe(
      'FORBIDDEN',
    )
    expect(await mutate(server, 'revokeApiToken', { id: apiTokens.nodes[0].id }, first.token)).toMatchObject({
      __typename: 'ApiToken',
    })
    expect((await server.request(whoAmI, {}, first.token)).status).toBe(401)
  })
})

describe('a member of one project', () => {
  it('finds nothing of another: not in lists, by id, in subscriptions or through mutations', async () => {
    const { id, token } = await actorWithToken(server, { name: 'insider' })
    await made(server, 'setProjectMember', { projectId: project.projectId, actorId: id, role: 'ADMIN' })

    const lists = await server.query(
      `query ($other: ID!) {
        projects(includeArchived: true) { nodes { id } }
        pendingDiffs { nodes { project { id } } }
        hidden: pendingDiffs(projectId: $other) { nodes { id } }
      }`,
      { other: other.projectId },
      token,
    )
    expect(lists.projects.nodes).toEqual([{ id: project.projectId }])
    expect(new Set(lists.pendingDiffs.nodes.map((diff: { project: { id: string } }) => diff.project.id))).toEqual(
      new Set([project.projectId]),
    )
    expect(lists.hidden.nodes).toEqual([])

    const ids = Object.values(other)
    const { nodes } = await server.query('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids }, token)
    expect(nodes).toEqual(ids.map(() => null))

    await using socket = await openSocket(server.url, token)
    for (const [field, argument, subject] of [
      ['projectEvents', 'projectId', other.projectId],
      ['sprintEvents', 'sprintId', other.sprintId],
      ['sessionEvents', 'sessionId', other.sessionId],
      ['diffEvents', 'diffId', other.diffId],
    ]) {
      const told = await socket.first(`subscription ($id: ID!) { ${field}(${argument}: $id) { cursor } }`, {
        id: subject,
      })
      expect([field, JSON.stringify(told)]).toEqual([field, expect.stringContaining('"NOT_FOUND"')])
    }

    const hashes = { contentHash: '0'.repeat(64), evaluationHash: '0'.repeat(64) }
    const calls: readonly (readonly [string, object])[] = [
      ['addReviewComment', { diffId: other.diffId, path: 'hello.py', side: 'AFTER', line: 1, text: 'x' }],
      ['answerInterview', { specId: other.specId, answers: [{ key: 'a', answer: 'b' }] }],
      ['approvePlan', { sprintId: other.sprintId }],
      ['archiveProject', { id: other.projectId }],
      ['cancelRun', { id: other.runId }],
      ['cancelSprint', { id: other.sprintId }],
      ['cancelTestRun', { id: other.testRunId }],
      ['commitDiff', { diffId: other.diffId }],
      ['createSession', { input: { projectId: other.projectId } }],
      ['createSpec', { input: { projectId: other.projectId, task: 'x' } }],
      ['createSprint', { input: { specId: other.specId, name: 'x', goal: 'x' } }],
      ['createTestCase', { input: { projectId: other.projectId, name: 'x', command: ['true'] } }],
      ['createVersion', { input: { projectId: other.projectId, message: 'x' } }],
      ['createWebhook', { input: { projectId: other.projectId, url: 'https://receiver.invalid/' } }],
      ['deleteReviewComment', { id: other.commentId }],
      ['deleteSession', { id: other.sessionId }],
      ['deleteTestCase', { id: other.testCaseId }],
      ['deleteWebhook', { id: other.webhookId }],
      ['forkRun', { input: { checkpointId: other.checkpointId, label: 'mine' } }],
      ['interruptSession', { id: other.sessionId }],
      ['keepHunks', { diffId: other.diffId, hunks: [0] }],
      ['markFileReviewed', { diffId: other.diffId, path: 'hello.py', reviewed: true }],
      ['openReview', { diffId: other.diffId }],
      ['proposeCandidate', { candidateId: other.candidateId }],
      ['proposeDiff', { input: { projectId: other.projectId, content: 'x', commitMessage: 'x' } }],
      ['rebaseDiff', { diffId: other.diffId }],
      ['refineCommitMessage', { diffId: other.diffId }],
      ['testDiff', { diffId: other.diffId }],
      ['removeProjectMember', { projectId: other.projectId, actorId: id }],
      ['retryInterview', { specId: other.specId }],
      ['setEnvironment', { projectId: other.projectId, environment: {} }],
      ['retrySprint', { id: other.sprintId }],
      ['revertDiff', { diffId: other.diffId }],
      ['reviewDiff', { diffId: other.diffId, verdict: 'REJECT', ...hashes }],
      ['rollbackToVersion', { versionId: other.versionId }],
      ['sendMessage', { sessionId: other.sessionId, text: 'x' }],
      ['setApprovalPolicy', { projectId: other.projectId, policy: { requiredApprovals: 0 } }],
      ['setProjectMember', { projectId: other.projectId, actorId: id, role: 'ADMIN' }],
      ['startRun', { input: { projectId: other.projectId, message: 'x' } }],
      ['startSprint', { id: other.sprintId }],
      ['syncProject', { id: other.projectId }],
      ['updateCommitMessage', { diffId: other.diffId, message: 'mine' }],
      ['updateProject', { input: { id: other.projectId, name: 'mine' } }],
      ['updateSprint', { id: other.sprintId, budget: { maxTokens: 1 } }],
      ['updateTestCase', { input: { id: other.testCaseId, name: 'mine' } }],
    ]
    for (const [name, variables] of calls) {
      expect([name, (await mutate(server, name, variables, token)).__typename]).toEqual([name, 'NotFoundError'])
    }
  })

  it('is told the same of what is hidden as of what does not exist', async () => {
    const { token } = await actorWithToken(server, { name: 'outsider' })
    const words = async (id: string) =>
      (await mutate(server, 'cancelSprint', { id }, token)).message?.replace(/"[^"]*"/, '"..."')
    expect(await words(other.sprintId)).toBe(await words(globalId('Sprint', '6f1c1e2a-0000-4000-8000-000000000000')))
  })

  it('made one twice at once is one member, with the last role given', async () => {
    const { id } = await actorWithToken(server, { name: 'twice a member' })
    const set = (role: string) => made(server, 'setProjectMember', { projectId: project.projectId, actorId: id, role })
    await Promise.all([...roles, ...roles, ...roles].map(set))
    await set('REVIEWER')
    const { node } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Project { members { role actor { id } } } } }',
      { id: project.projectId },
    )
    expect(node.members.filter((member: { actor: { id: string } }) => member.actor.id === id)).toEqual([
      { role: 'REVIEWER', actor: { id } },
    ])
  })
})
