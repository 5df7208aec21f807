import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { createSecrets } from '../../src/adapters/secrets/secrets.ts'
import { createHeldLeases } from '../../src/domain/lease/held-leases.ts'
import { LeaseLostError, leaseOn, revokeLeases } from '../../src/domain/lease/lease.ts'
import type { WebhookAnswer, WebhookDelivery } from '../../src/domain/ports/webhook-sender.ts'
import { rows } from '../../src/domain/shared/database.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { transact } from '../../src/domain/shared/transact.ts'
import { askForDeliveries } from '../../src/domain/webhook/ask-for-deliveries.ts'
import { deliverWebhooks } from '../../src/domain/webhook/deliver-webhooks.ts'
import { mostFailures, retryDelayMs } from '../../src/domain/webhook/retries.ts'
import { made } from '../factories/api.ts'
import { rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type Message, type Receiver, startReceiver, verified } from './receiver.ts'
import { createWebhook, deleteWebhook, emit, emitOne, lastEvent, shownWebhook, storedWebhook } from './webhooks.ts'

// Without workers: each test delivers itself, when and as often as it wants.
let server: TestServer
let services: Services
beforeAll(async () => {
  const env = { WEBHOOK_ALLOWED_PROTOCOLS: 'http', WEBHOOK_ALLOWED_HOSTS: '127.0.0.1' }
  server = await startTestServer({ pools: {}, env, rehearsal: false })
  services = server.context.services
})
afterAll(() => server[Symbol.asyncDispose]())

let receiver: Receiver
let projectId: string
beforeEach(async () => {
  receiver = await startReceiver()
  projectId = await made(server, 'createProject', { input: { name: 'x', source: { empty: true } } })
})
afterEach(() => receiver[Symbol.asyncDispose]())

const patience = { waitingMs: 60_000, abandonedMs: 5_000 }
const impatient = { waitingMs: 0, abandonedMs: 0 }

const never = new AbortController().signal
const deliver = ({ id }: { id: string }, with_: Services = services) => deliverWebhooks(with_, rowId(id), never)

/** The services as they are at a time. */
const at = (time: Date | number): Services => ({ ...services, clock: () => new Date(time) })

/** The services with a receiver that is a function; what it was sent. */
const sendingTo = (answer: (delivery: WebhookDelivery) => WebhookAnswer | Promise<WebhookAnswer>, base = services) => {
  const sent: WebhookDelivery[] = []
  const send = async (delivery: WebhookDelivery) => {
    sent.push(delivery)
    return answer(delivery)
  }
  return { sent, services: { ...base, webhooks: { ...base.webhooks, send } } }
}

/** How often deliveries were asked for, for one webhook. */
const timesAsked = async ({ id }: { id: string }): Promise<number> => {
  const asked = rows(services.em()).selectFrom('OutboxEntry').select('payload').where('job', '=', 'deliver-webhooks')
  return (await asked.execute()).filter(({ payload }) => payload.webhookId === rowId(id)).length
}

const webhook = (events?: readonly string[]) =>
  createWebhook(server, { projectId, url: receiver.url, ...(events && { events }) })

const numbersOf = (bodies: readonly { readonly body: string }[]) =>
  bodies.map(({ body }) => (JSON.parse(body) as Message).data.sequence)

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

it('events are sent in their order, and one that fails is sent again under its id before the next one', async () => {
  const hook = await webhook()
  await emit(services, projectId, [1, 2, 3])
  receiver.reactions.push(500, 204, 503)
  await deliver(hook)
  await deliver(hook)
  expect(numbersOf(receiver.received)).toEqual([1])
  const failed = await storedWebhook(services, hook.id)
  expect(failed.nextAt.getTime() - Date.now()).toBeGreaterThan(4_000)
  expect(await shownWebhook(server, hook.id)).toMatchObject({
    failures: 1,
    lastError: 'The receiver answered with 500.',
    lastDeliveredAt: null,
    deadAt: null,
  })
  await deliver(hook, at(failed.nextAt))
  expect(numbersOf(receiver.received)).toEqual([1, 1, 2])
  await deliver(hook, at((await storedWebhook(services, hook.id)).nextAt))
  expect(numbersOf(receiver.received)).toEqual([1, 1, 2, 2, 3])
  const messages = receiver.received.map((each) => verified(hook.secret, each))
  const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
  expect([ids[0] === ids[1], ids[2] === ids[3], new Set(ids).size]).toEqual([true, true, 3])
  expect(messages[1]).toEqual(messages[0])
  const secondAttempt = Number(receiver.received[1]?.headers['webhook-timestamp'])
  expect(secondAttempt).toBe(Math.floor(failed.nextAt.getTime() / 1_000))
  expect(await shownWebhook(server, hook.id)).toMatchObject({ failures: 0, lastError: null, deadAt: null })
})

it('what waits is sent by one of several workers at a time, each event once and in order, also beyond one reading', async () => {
  const hook = await webhook()
  const { sent, services: sending } = sendingTo(() => ({ kind: 'ACCEPTED' }))
  await emit(services, projectId, numbers(105))
  const adding = emit(services, projectId, [106, 107, 108])
  await Promise.all(numbers(6).map(() => deliver(hook, sending)))
  await adding
  await deliver(hook, sending)
  expect(numbersOf(sent)).toEqual(numbers(108))
  expect(new Set(sent.map(({ id }) => id)).size).toBe(108)
})

it('an event that arrived at a worker that lost its place before it could say so comes again under the same id', async () => {
  const hook = await webhook()
  await emit(services, projectId, [1, 2])
  let isLost = false
  const { sent, services: losing } = sendingTo(async () => {
    if (!isLost) await transact(services, (tx) => revokeLeases(tx, [leaseOn('webhook', rowId(hook.id))]))
    isLost = true
    return { kind: 'ACCEPTED' }
  })
  await expect(deliver(hook, losing)).rejects.toThrow(LeaseLostError)
  expect(await shownWebhook(server, hook.id)).toMatchObject({ lastDeliveredAt: null })
  await deliver(hook, losing)
  expect(numbersOf(sent)).toEqual([1, 1, 2])
  expect(sent[1]).toMatchObject({ id: sent[0]?.id, body: sent[0]?.body })
})

it('a webhook is dead after a day of failures and not before; nothing is sent to it then', async () => {
  const hook = await webhook()
  await emit(services, projectId, [1, 2])
  const start = Date.now()
  const delays: number[] = []
  let time = start
  const { sent, services: failing } = sendingTo(() => ({ kind: 'FAILED', error: 'It is down.' }))
  for (;;) {
    const now = time
    await deliver(hook, { ...failing, clock: () => new Date(now) })
    const { nextAt, deadAt } = await storedWebhook(services, hook.id)
    if (deadAt) break
    delays.push(nextAt.getTime() - now)
    time = nextAt.getTime()
  }
  const day = 86_400_000
  expect(time - start).toBeGreaterThanOrEqual(day)
  expect(time - start).toBeLessThan(1.25 * day)
  expect([delays[0], delays.at(-1)].map((delay) => Math.floor((delay ?? 0) / 1_000))).toEqual([
    expect.toSatisfy((seconds: number) => seconds >= 5 && seconds <= 6),
    expect.toSatisfy((seconds: number) => seconds >= 3_600 && seconds <= 4_320),
  ])
  expect(new Set(numbersOf(sent))).toEqual(new Set([1]))
  expect(await shownWebhook(server, hook.id)).toMatchObject({
    failures: sent.length,
    lastError: 'It is down.',
    deadAt: new Date(time).toISOString(),
  })
  const later = at(time + day)
  await askForDeliveries(later, impatient)
  expect(await timesAsked(hook)).toBe(0)
  await deliver(hook, later)
  expect(receiver.received).toEqual([])
})

it('a receiver that is gone for good is believed at once', async () => {
  const hook = await webhook()
  await emit(services, projectId, [1, 2])
  receiver.reactions.push(410)
  await deliver(hook)
  await deliver(hook, at(Date.now() + 3_600_000))
  expect(numbersOf(receiver.received)).toEqual([1])
  expect(await shownWebhook(server, hook.id)).toMatchObject({ failures: 1, deadAt: expect.any(String) })
})

it('delays double up to an hour, with up to a fifth more, and add up to a day', () => {
  const delays = (chance: number) => numbers(mostFailures - 1).map((failures) => retryDelayMs(failures, chance) / 1_000)
  expect(delays(0).slice(0, 12)).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600])
  expect(delays(0).reduce((sum, delay) => sum + delay)).toBeGreaterThanOrEqual(86_400)
  expect(delays(1)).toEqual(delays(0).map((delay) => expect.closeTo(delay * 1.2, 6)))
})

it('a webhook is sent what happens from its making on, of the types it asked for, and passes over the others', async () => {
  await emit(services, projectId, [1])
  const hook = await webhook(['CheckpointReached', 'CheckpointReached'])
  expect(hook.events).toEqual(['CheckpointReached'])
  const all = await webhook()
  const other = { type: 'ToolCalled', candidateId: rowId(projectId), tool: 'read_file', isError: false } as const
  await emitOne(services, projectId, other)
  await emit(services, projectId, [2])
  await emitOne(services, projectId, other)
  const elsewhere = await made(server, 'createProject', { input: { name: 'y', source: { empty: true } } })
  await emit(services, elsewhere, [3])
  await deliver(hook)
  expect(numbersOf(receiver.received)).toEqual([2])
  await deliver(all)
  expect(receiver.received.slice(1).map(({ body }) => JSON.parse(body).type)).toEqual([
    'ToolCalled',
    'CheckpointReached',
    'ToolCalled',
  ])
  const { id } = await lastEvent(services, projectId)
  expect((await storedWebhook(services, hook.id)).cursorId).toBe(id)
})

it('one webhook that fails holds back no other', async () => {
  const [bad, good] = [await webhook(), await webhook()]
  await emit(services, projectId, [1, 2])
  receiver.reactions.push(500)
  await deliver(bad)
  await deliver(good)
  expect(numbersOf(receiver.received)).toEqual([1, 1, 2])
  const [first, ...others] = receiver.received
  if (!first) throw new Error('unreachable')
  expect(() => verified(bad.secret, first)).not.toThrow()
  for (const each of others) expect(() => verified(good.secret, each)).not.toThrow()
})

it('deleting breaks off a request that is on its way, and what waits is not sent; it works once', async () => {
  const hook = await webhook()
  await emit(services, projectId, [1, 2])
  const brokenOff = Promise.withResolvers<void>()
  receiver.reactions.push((response) => response.once('close', brokenOff.resolve))
  const delivering = expect(deliver(hook)).rejects.toThrow(LeaseLostError)
  await receiver.arrived(1)
  const answers = await Promise.all([deleteWebhook(server, hook.id), deleteWebhook(server, hook.id)])
  expect(answers.map(({ __typename }) => __typename).sort()).toEqual(['NotFoundError', 'Webhook'])
  await Promise.all([delivering, brokenOff.promise])
  await deliver(hook)
  await askForDeliveries(services, impatient)
  expect(await timesAsked(hook)).toBe(0)
  expect(receiver.received).toHaveLength(1)
  expect((await storedWebhook(services, hook.id)).secret).toBeNull()
  expect(await shownWebhook(server, hook.id)).toBeNull()
})

it('a delivery is asked for once by any number of processes, and again when nobody has begun it for long', async () => {
  const hook = await webhook()
  const asked = async (now: number, times = 1) => {
    await Promise.all(numbers(times).map(() => askForDeliveries(at(now), patience)))
    return timesAsked(hook)
  }
  const now = Date.now()
  expect(await asked(now)).toBe(0)
  await emit(services, projectId, [1])
  expect(await asked(now, 8)).toBe(1)
  expect(await asked(now + 59_000)).toBe(1)
  expect(await asked(now + 60_000)).toBe(2)
  // Its worker ended without a word: its lease runs out, and then a shorter time counts.
  const resource = leaseOn('webhook', rowId(hook.id))
  const lease = { resource, owner: 'x', fence: 1, again: false, until: new Date(now - 1_000) }
  await rows(services.em()).insertInto('Lease').values(lease).execute()
  expect(await asked(now + 64_000)).toBe(2)
  expect(await asked(now + 65_000)).toBe(3)
  receiver.reactions.push(500)
  await deliver(hook)
  expect(await asked(now + 1_000)).toBe(3)
  const { nextAt } = await storedWebhook(services, hook.id)
  expect(await asked(nextAt.getTime())).toBe(4)
  await deliver(hook, at(nextAt))
  expect(await asked(nextAt.getTime() + 60_000)).toBe(4)
})

it('what was asked for while a worker delivered that is told to stop is asked for again at once', async () => {
  const hook = await webhook()
  await emit(services, projectId, [1])
  const stop = new AbortController()
  receiver.reactions.push(() => {})
  const heldLeases = createHeldLeases()
  const worker = { ...services, heldLeases }
  const stopping = expect(deliverWebhooks(worker, rowId(hook.id), stop.signal)).rejects.toThrow('It stops.')
  await receiver.arrived(1)
  await askForDeliveries(services, patience)
  await deliver(hook)
  expect(await timesAsked(hook)).toBe(1)
  stop.abort(new Error('It stops.'))
  // The receiver does not answer before the deadline.
  heldLeases.end(new Error('It stops.'))
  await stopping
  await askForDeliveries(services, patience)
  expect(await timesAsked(hook)).toBe(2)
})

it('a secret that cannot be opened any more is a failure that says what to do, and nothing is sent', async () => {
  const hook = await webhook()
  await emit(services, projectId, [1])
  await deliver(hook, { ...services, secrets: createSecrets('ab'.repeat(32)) })
  expect(receiver.received).toEqual([])
  expect(await shownWebhook(server, hook.id)).toMatchObject({
    failures: 1,
    lastError: expect.stringContaining('SECRET_KEY'),
  })
})

it('what a receiver is sent says no more than the API, and what others may have chosen is cut', async () => {
  const hook = await webhook()
  const candidateId = rowId(projectId)
  await emitOne(services, projectId, { type: 'ToolCalled', candidateId, tool: 'x'.repeat(10_000), isError: true })
  await deliver(hook)
  const event = await lastEvent(services, projectId)
  const [message] = receiver.received.map((each) => verified(hook.secret, each))
  const id = (type: string) => Buffer.from(`${type}:${candidateId}`).toString('base64')
  expect(message).toEqual({
    type: 'ToolCalled',
    timestamp: event.at.toISOString(),
    data: {
      cursor: `${event.xid}-${event.id}`,
      at: event.at.toISOString(),
      projectId,
      diffId: id('Diff'),
      candidateId: id('Candidate'),
      tool: 'x'.repeat(200),
      isError: true,
    },
  })
})
