import type { EventRow } from '../event/event.entity.ts'
import { formatCursor } from '../event/event-cursor.ts'
import { readEvents } from '../event/read-events.ts'
import { type HeldLease, leaseOn, withLease } from '../lease/lease.ts'
import { UnreadableSecretError } from '../ports/secrets.ts'
import type { WebhookAnswer } from '../ports/webhook-sender.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { webhookPayload } from './payload.ts'
import { mostFailures, retryDelayMs } from './retries.ts'
import { Webhook, type WebhookRow } from './webhook.entity.ts'

const batch = 100
// So that other jobs have their turn; what is left is asked for again.
const shareMs = 20_000

const findDue = (services: Services, id: string): Promise<WebhookRow | undefined> =>
  rows(services.em())
    .selectFrom('Webhook')
    .selectAll()
    .where('id', '=', id)
    .where('deletedAt', 'is', null)
    .where('deadAt', 'is', null)
    .where('nextAt', '<=', services.clock())
    .executeTakeFirst()

const isWanted = ({ eventTypes }: WebhookRow, { body }: EventRow): boolean =>
  eventTypes === null || eventTypes.includes(body.type)

const attempt = async (
  services: Services,
  { id, url, secret }: WebhookRow,
  event: EventRow,
  signal: AbortSignal,
): Promise<WebhookAnswer> => {
  try {
    const opened = services.secrets.open(secret ?? '', id)
    const message = { id: `${id}_${formatCursor(event)}`, at: services.clock(), body: webhookPayload(event) }
    return await services.webhooks.send({ url, secret: opened, ...message }, signal)
  } catch (error) {
    if (!(error instanceof UnreadableSecretError)) throw error
    return { kind: 'FAILED', error: error.message }
  }
}

const settle = async (tx: Transaction, id: string, event: EventRow, answer: WebhookAnswer) => {
  const webhook = await tx.em.findOneOrFail(Webhook, { id })
  if (answer.kind === 'ACCEPTED') {
    webhook.cursorXid = event.xid
    webhook.cursorId = event.id
    webhook.failures = 0
    webhook.lastError = null
    webhook.lastDeliveredAt = tx.now
  } else {
    webhook.failures += 1
    webhook.lastError = answer.error
    webhook.nextAt = new Date(tx.now.getTime() + retryDelayMs(webhook.failures))
    if (answer.kind === 'GONE' || webhook.failures >= mostFailures) webhook.deadAt = tx.now
  }
  return webhook
}

const moveCursor = (lease: HeldLease, id: string, { xid, id: eventId }: EventRow) =>
  lease.transact((tx) => tx.em.nativeUpdate(Webhook, { id }, { cursorXid: xid, cursorId: eventId }))

/**
 * Delivers some of what waits.
 * @param endsAt when others shall have their turn, as `performance.now` counts
 * @returns whether there may be more to deliver now
 */
const deliverBatch = async (services: Services, lease: HeldLease, id: string, endsAt: number): Promise<boolean> => {
  const webhook = await findDue(services, id)
  if (!webhook) return false
  const after = { xid: webhook.cursorXid, id: webhook.cursorId }
  const events = await readEvents(services.em(), after, { projectIds: [webhook.projectId] }, batch)
  let unwanted: EventRow | undefined
  for (const event of events) {
    if (!isWanted(webhook, event)) {
      unwanted = event
      continue
    }
    if (performance.now() > endsAt) return false
    lease.mayBegin()
    const answer = await attempt(services, webhook, event, lease.signal)
    const { failures, deadAt, lastError } = await lease.transact((tx) => settle(tx, id, event, answer))
    if (answer.kind !== 'ACCEPTED') {
      const facts = { webhookId: id, projectId: webhook.projectId, failures, error: lastError }
      services.log.warn(facts, deadAt === null ? 'an event could not be delivered' : 'a webhook was given up')
      return false
    }
    unwanted = undefined
  }
  if (unwanted) await moveCursor(lease, id, unwanted)
  return events.length === batch
}

/**
 * Sends a webhook the events that wait for it, in their order: the next one once the one before it has arrived. What was
 * sent and not stored as such, because the process ended in between, is sent again under the same id.
 */
export const deliverWebhooks = async (services: Services, webhookId: string, stop: AbortSignal): Promise<void> => {
  try {
    await withLease(services, leaseOn('webhook', webhookId), stop, async (lease) => {
      // Before anything is read: what comes after is asked for again.
      await lease.transact((tx) => tx.em.nativeUpdate(Webhook, { id: webhookId }, { askedAt: null }))
      const endsAt = performance.now() + shareMs
      while (await deliverBatch(services, lease, webhookId, endsAt)) lease.mayBegin()
    })
  } finally {
    // What was asked for meanwhile was left to this one, which is gone: another process need not wait for it.
    if (stop.aborted)
      await rows(services.em()).updateTable('Webhook').set({ askedAt: null }).where('id', '=', webhookId).execute()
  }
}
