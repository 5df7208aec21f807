import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAccessWatch } from '../../src/domain/actor/access-watch.ts'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { pipelineActorId } from '../../src/domain/actor/ensure-actors.ts'
import { found } from '../../src/schema/found.ts'
import { globalId, made, mutate, stubSpec } from '../factories/api.ts'
import { review, sqlOf } from '../factories/gate.ts'
import { actorWithToken, proposedDiff, readyProject, rowId } from '../factories/pipeline.ts'
import { connectSocket, openSocket } from '../support/graphql-socket.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { subscribeBySse } from '../support/server-sent-events.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    rehearsal: false,
    pools: { maintenance: 1 },
    overrides: { accessCheckMs: 20 },
  })
})
afterAll(() => server[Symbol.asyncDispose]())

const shown = async (id: string) =>
  (
    await server.query('query ($id: ID!) { node(id: $id) { ... on Actor { name role disabledAt owner { id } } } }', {
      id,
    })
  ).node

const update = (variables: object, token?: string) => mutate(server, 'updateActor', variables, token)
const status = async (token: string) => (await server.request('{ viewer { id } }', {}, token)).status

describe('an actor', () => {
  it('is changed in what is given and nothing else, and the same again changes nothing', async () => {
    const { id } = await actorWithToken(server, { name: 'Ann', role: 'AUTHOR' })
    for (const _twice of [1, 2]) {
      expect(await update({ id, name: 'Anna' })).toMatchObject({ __typename: 'Actor' })
      expect(await shown(id)).toEqual({ name: 'Anna', role: 'AUTHOR', disabledAt: null, owner: null })
    }
    await update({ id, role: 'REVIEWER' })
    expect(await shown(id)).toMatchObject({ name: 'Anna', role: 'REVIEWER' })
    await update({ id, role: null })
    expect(await shown(id)).toMatchObject({ name: 'Anna', role: null })
    await update({ id, disabled: true })
    const { disabledAt } = await shown(id)
    expect(disabledAt).toEqual(expect.any(String))
    await update({ id, disabled: true, name: null })
    expect(await shown(id)).toMatchObject({ name: 'Anna', disabledAt })
    await update({ id, disabled: false })
    expect(await shown(id)).toMatchObject({ disabledAt: null })
  })

  it('has another role from the next request on', async () => {
    const { id, token } = await actorWithToken(server, { name: 'Rose', role: 'ADMIN' })
    const create = () => mutate(server, 'createActor', { input: { kind: 'HUMAN', name: 'x' } }, token)
    expect(await create()).toMatchObject({ __typename: 'Actor' })
    await update({ id, role: 'REVIEWER' })
    expect(await create()).toMatchObject({ __typename: 'ForbiddenError', requiredRole: 'ADMIN' })
  })

  it('who is disabled is refused with every token at the next request, gets no new one, and can be let in again', async () => {
    const { id, token } = await actorWithToken(server, { name: 'Dora', role: 'AUTHOR' })
    expect(await status(token)).toBe(200)
    await update({ id, disabled: true })
    expect(await status(token)).toBe(401)
    const issued = await mutate(server, 'createApiToken', { actorId: id, name: 'x', role: 'VIEWER' })
    expect(issued).toMatchObject({ __typename: 'ValidationError', message: expect.stringContaining('disabled') })
    await update({ id, disabled: false })
    expect(await status(token)).toBe(200)
  })

  it.each(['VIEWER', 'AUTHOR', 'REVIEWER'])('is changed by no %s, and no ADMIN of one project', async (role) => {
    const { id, token } = await actorWithToken(server, { name: 'no admin', role })
    const projectId = await readyProject(server)
    await made(server, 'setProjectMember', { projectId, actorId: id, role: 'ADMIN' })
    const denied = { __typename: 'ForbiddenError', requiredRole: 'ADMIN' }
    expect(await update({ id, role: 'ADMIN' }, token)).toMatchObject(denied)
    expect(await update({ id: globalId('Actor', randomUUID()), disabled: true }, token)).toMatchObject(denied)
    expect(await shown(id)).toMatchObject({ role })
  })

  it('that does not exist, has no such name, or is the pipeline is an error with its place', async () => {
    const { id } = await actorWithToken(server, { name: 'Otto' })
    expect(await update({ id: globalId('Actor', randomUUID()), name: 'x' })).toMatchObject({
      __typename: 'NotFoundError',
    })
    for (const name of ['', ' ', 'a\u0007b', 'x'.repeat(201)]) {
      expect(await update({ id, name })).toMatchObject({
        __typename: 'ValidationError',
        fieldErrors: [{ path: ['name'] }],
      })
    }
    expect(await update({ id: globalId('Actor', pipelineActorId), disabled: true })).toMatchObject({
      __typename: 'ValidationError',
      fieldErrors: [{ path: ['id'] }],
    })
  })
})

it('what a reviewer approved is approved while they may review', async () => {
  const rolf = await actorWithToken(server, { name: 'Rolf', role: 'REVIEWER' })
  const projectId = await readyProject(server)
  const diff = await proposedDiff(server, projectId)
  expect(await review(server, diff, { token: rolf.token })).toMatchObject({ status: 'APPROVED' })
  const changes = [
    [{ role: 'AUTHOR' }, 'HUMAN_REVIEWING'],
    [{ role: 'REVIEWER' }, 'APPROVED'],
    [{ name: 'Rolfe' }, 'APPROVED'],
    [{ disabled: true }, 'HUMAN_REVIEWING'],
    [{ disabled: false }, 'APPROVED'],
  ] as const
  for (const [change, status] of changes) {
    expect(await update({ id: rolf.id, ...change })).toMatchObject({ __typename: 'Actor' })
    const { node } = await server.query('query ($id: ID!) { node(id: $id) { ... on Diff { status } } }', {
      id: diff.id,
    })
    expect([change, node.status]).toEqual([change, status])
  }
})

describe('who answers for an agent', () => {
  it('is not disabled while it is enabled, and it is not enabled while they are disabled', async () => {
    const owner = await actorWithToken(server, { name: 'Olga', role: 'AUTHOR' })
    const agent = await actorWithToken(server, { kind: 'AGENT', name: 'robot', role: 'AUTHOR', ownerId: owner.id })
    expect(await update({ id: owner.id, disabled: true })).toMatchObject({
      __typename: 'ValidationError',
      message: expect.stringContaining('answers for "robot": disable these first'),
    })
    expect(await status(owner.token)).toBe(200)
    await update({ id: agent.id, disabled: true })
    expect(await update({ id: owner.id, disabled: true })).toMatchObject({ __typename: 'Actor' })
    const early = await update({ id: agent.id, disabled: false })
    expect(early).toMatchObject({
      __typename: 'ValidationError',
      message: expect.stringContaining('"Olga" is disabled'),
    })
    const ward = { kind: 'SERVICE', name: 'late', ownerId: owner.id }
    expect(await mutate(server, 'createActor', { input: ward })).toMatchObject({ __typename: 'ValidationError' })
    await update({ id: owner.id, disabled: false })
    expect(await update({ id: agent.id, disabled: false })).toMatchObject({ __typename: 'Actor' })
    expect(await shown(agent.id)).toMatchObject({ owner: { id: owner.id }, disabledAt: null })
  })

  it('is found although the agent is made at the same moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      const ownerId = await made(server, 'createActor', { input: { kind: 'HUMAN', name: 'owner' } })
      const [disabled, agent] = await Promise.all([
        update({ id: ownerId, disabled: true }),
        mutate(server, 'createActor', { input: { kind: 'AGENT', name: 'agent', ownerId } }),
      ])
      expect([disabled.__typename, agent.__typename].sort()).toEqual(['Actor', 'ValidationError'])
    }
  })
})

describe('the last enabled person with the role ADMIN', () => {
  /** A server's administrators: its first one, and as many more. */
  const withAdministrators = async (count: number) => {
    const { viewer } = await server.query('{ viewer { id } }')
    const others = await Promise.all(
      Array.from({ length: count }, (_, index) => actorWithToken(server, { name: `admin ${index}`, role: 'ADMIN' })),
    )
    // Those that other tests made.
    await sqlOf(server, `update actor set role = null where role = 'ADMIN' and not (id = any($1))`, [
      [viewer.id, ...others.map(({ id }) => id)].map(rowId),
    ])
    return { first: { id: viewer.id as string, token: server.token }, others }
  }
  const inCharge = async () =>
    sqlOf(server, `select id from actor where kind = 'HUMAN' and role = 'ADMIN' and disabled_at is null`)

  it('is neither disabled nor demoted, not even where a service is an ADMIN too', async () => {
    const { first } = await withAdministrators(0)
    await actorWithToken(server, { kind: 'SERVICE', name: 'terraform', role: 'ADMIN', ownerId: first.id })
    for (const [change, field] of [
      [{ role: 'REVIEWER' }, 'role'],
      [{ role: null }, 'role'],
    ] as const) {
      expect(await update({ id: first.id, ...change })).toMatchObject({
        __typename: 'ValidationError',
        fieldErrors: [{ path: [field], message: expect.stringContaining('last person') }],
      })
    }
    const lonely = await update({ id: first.id, disabled: true })
    expect(lonely).toMatchObject({ __typename: 'ValidationError', fieldErrors: [{ path: ['disabled'] }] })
    expect(await update({ id: first.id, name: 'Chief' })).toMatchObject({ __typename: 'Actor' })
    expect(await inCharge()).toHaveLength(1)
  })

  it('remains when two take the role from each other at once: one wins', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { first, others } = await withAdministrators(1)
      const [other = first] = others
      const answers = await Promise.all([
        update({ id: other.id, role: 'VIEWER' }, first.token),
        update({ id: first.id, role: 'VIEWER' }, other.token),
      ])
      expect(answers.map(({ __typename }) => __typename).sort()).toEqual(['Actor', 'ForbiddenError'])
      expect(await inCharge()).toHaveLength(1)
      await sqlOf(server, `update actor set role = 'ADMIN' where id = $1`, [rowId(first.id)])
    }
  })

  it('remains when many leave at once', async () => {
    const { first, others } = await withAdministrators(5)
    const all = [first, ...others]
    const answers = await Promise.all(all.map(({ id, token }) => update({ id, disabled: true }, token)))
    expect(answers.filter(({ __typename }) => __typename === 'ValidationError')).toHaveLength(1)
    expect(await inCharge()).toHaveLength(1)
    await sqlOf(server, `update actor set disabled_at = null where id = $1`, [rowId(first.id)])
  })
})

describe('a connection whose viewer loses access', () => {
  const events = 'subscription { events { cursor } }'

  /** Somebody who may read a project, by membership. */
  const reader = async () => {
    const projectId = await readyProject(server)
    const actor = await actorWithToken(server, { name: 'reader' }, 'AUTHOR')
    await made(server, 'setProjectMember', { projectId, actorId: actor.id, role: 'AUTHOR' })
    const { apiTokens } = await server.query('{ apiTokens { nodes { id } } }', {}, actor.token)
    return { ...actor, projectId, tokenId: apiTokens.nodes[0].id as string }
  }
  type Reader = Awaited<ReturnType<typeof reader>>

  const losses: readonly (readonly [string, number, (viewer: Reader) => Promise<unknown>])[] = [
    ['the token is revoked', 4403, ({ tokenId }) => made(server, 'revokeApiToken', { id: tokenId })],
    ['the actor is disabled', 4403, ({ id }) => update({ id, disabled: true })],
    [
      'the token expires',
      4403,
      ({ tokenId }) => sqlOf(server, 'update api_token set expires_at = now() where id = $1', [rowId(tokenId)]),
    ],
    [
      'the membership is removed',
      4420,
      ({ id, projectId }) => made(server, 'removeProjectMember', { projectId, actorId: id }),
    ],
    [
      'the membership is lowered',
      4420,
      ({ id, projectId }) => made(server, 'setProjectMember', { projectId, actorId: id, role: 'VIEWER' }),
    ],
  ]

  it.each(losses)('ends when %s, over WebSocket (%i) and SSE', async (_words, code, lose) => {
    const viewer = await reader()
    await using idle = await openSocket(server.url, viewer.token)
    const stop = new AbortController()
    const stream = subscribeBySse({ url: server.url, token: viewer.token }, events, {}, stop.signal)
    const streamed = stream.next()
    await expect.poll(() => server.context.feed.subscribers()).toBe(1)
    await lose(viewer)
    expect(await idle.closed).toEqual({ code, reason: expect.stringMatching(/\w/) })
    const said = code === 4403 ? 'UNAUTHENTICATED' : 'FORBIDDEN'
    expect((await streamed).value.errors[0].extensions).toEqual({ code: said })
    expect((await stream.next()).done).toBe(true)
    await expect.poll(() => server.context.feed.subscribers()).toBe(0)
  })

  it('ends when the role is lowered, and stays when it is raised or another one is lowered', async () => {
    const lowered = await actorWithToken(server, { name: 'lowered', role: 'REVIEWER' })
    const raised = await actorWithToken(server, { name: 'raised', role: 'AUTHOR' })
    await using first = await openSocket(server.url, lowered.token)
    await using second = await openSocket(server.url, raised.token)
    await update({ id: raised.id, role: 'REVIEWER' })
    await update({ id: lowered.id, role: 'AUTHOR' })
    expect(await first.closed).toMatchObject({ code: 4420 })
    expect(await second.first('{ viewer { role } }')).toEqual({ data: { viewer: { role: 'REVIEWER' } } })
    // What was raised is what it is measured by from then on.
    await update({ id: raised.id, role: 'AUTHOR' })
    expect(await second.closed).toMatchObject({ code: 4420 })
    await using again = await openSocket(server.url, raised.token)
    expect(await again.first('{ viewer { role } }')).toEqual({ data: { viewer: { role: 'AUTHOR' } } })
  })

  it('ends when what it came with was given and taken again before anybody looked', async () => {
    const reader = await actorWithToken(server, { name: 'reader of one project' })
    const viewer = found(await authenticate(server.context.services, reader.token))
    using access = createAccessWatch(server.context.services, 20)
    const lost: string[] = []
    const stop = await access.watch(viewer, (why) => lost.push(why))
    await access.watch({ ...viewer, actor: { ...viewer.actor, role: 'VIEWER' } }, (why) => lost.push(why))
    await expect.poll(() => lost).toEqual(['NARROWED', 'NARROWED'])
    stop()
  })

  it('is not taken up again with the token that was refused', async () => {
    const viewer = await reader()
    await update({ id: viewer.id, disabled: true })
    await expect(openSocket(server.url, viewer.token)).rejects.toThrow(/4403/)
    await using nobody = await connectSocket(server.url)
    expect(nobody.socket.readyState).toBe(nobody.socket.OPEN)
  })
})

it('one subscription tells of all projects that its viewer can see, and of one that they come to see', async () => {
  const [own, joined, hidden] = [await readyProject(server), await readyProject(server), await readyProject(server)]
  const { id, token } = await actorWithToken(server, { name: 'member' })
  const join = (projectId: string) => made(server, 'setProjectMember', { projectId, actorId: id, role: 'VIEWER' })
  await join(own)
  const events = server.subscribe('subscription { events { projectId } }', {}, token)
  const told = new Set<string>()
  const listening = (async () => {
    for await (const { data } of events) told.add(data.events.projectId)
  })()
  await expect.poll(() => server.context.feed.subscribers()).toBe(1)
  const sees = async (projectId: string) => {
    for (;;) {
      await stubSpec(server, hidden)
      await stubSpec(server, projectId)
      await stubSpec(server, own)
      if (told.has(projectId)) return
    }
  }
  await sees(own)
  expect(told).toEqual(new Set([own]))
  await join(joined)
  await sees(joined)
  expect(told).toEqual(new Set([own, joined]))
  await events.return?.()
  await listening
})
