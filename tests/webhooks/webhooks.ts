import type { EventRow } from '../../src/domain/event/event.entity.ts'
import type { EventBody } from '../../src/domain/event/event.ts'
import { currentCursor } from '../../src/domain/event/read-events.ts'
import { rows } from '../../src/domain/shared/database.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { transact } from '../../src/domain/shared/transact.ts'
import type { WebhookRow } from '../../src/domain/webhook/webhook.entity.ts'
import { rowId } from '../factories/pipeline.ts'
import type { TestServer } from '../support/server.ts'

export interface ShownWebhook {
  readonly __typename: string
  readonly id: string
  readonly url: string
  readonly events: readonly string[]
  readonly secret: string | null
  readonly lastDeliveredAt: string | null
  readonly failures: number
  readonly lastError: string | null
  readonly deadAt: string | null
  readonly message?: string
  readonly fieldErrors?: readonly { readonly path: readonly string[]; readonly message: string }[]
}

const fields = 'id url events secret lastDeliveredAt failures lastError deadAt'
const answer = `__typename ... on Webhook { ${fields} } ... on DomainError { message }`
const creation = `mutation ($input: CreateWebhookInput!) {
  createWebhook(input: $input) { ${answer} ... on ValidationError { fieldErrors { path message } } }
}`

export const createWebhook = async (
  server: TestServer,
  input: { projectId: string; url: string; events?: readonly string[]; clientMutationId?: string },
  token?: string,
): Promise<ShownWebhook & { readonly secret: string }> => {
  return (await server.query(creation, { input }, token)).createWebhook
}

export const deleteWebhook = async (server: TestServer, id: string, token?: string): Promise<ShownWebhook> =>
  (await server.query(`mutation ($id: ID!) { deleteWebhook(id: $id) { ${answer} } }`, { id }, token)).deleteWebhook

/** A project's webhooks, as the token's actor sees them. */
export const webhooksOf = async (server: TestServer, projectId: string, token?: string): Promise<ShownWebhook[]> => {
  const document = `query ($id: ID!) { node(id: $id) { ... on Project { webhooks { __typename ${fields} } } } }`
  return (await server.query(document, { id: projectId }, token)).node.webhooks
}

/** One as an administrator sees it. */
export const shownWebhook = async (server: TestServer, id: string): Promise<ShownWebhook> =>
  (await server.query(`query ($id: ID!) { node(id: $id) { ... on Webhook { __typename ${fields} } } }`, { id })).node

export const storedWebhook = (services: Services, id: string): Promise<WebhookRow> =>
  rows(services.em()).selectFrom('Webhook').selectAll().where('id', '=', rowId(id)).executeTakeFirstOrThrow()

const storedEvents = (services: Services, projectId: string) =>
  rows(services.em()).selectFrom('EventRecord').selectAll().where('projectId', '=', rowId(projectId))

/** The last event of a project, whether it can be read already or not. */
export const lastEvent = (services: Services, projectId: string): Promise<EventRow> =>
  storedEvents(services, projectId).orderBy('id', 'desc').executeTakeFirstOrThrow()

/** Waits until nothing that is under way hides a project's last event any more. */
const untilReadable = async (services: Services, projectId: string): Promise<void> => {
  const { xid } = await lastEvent(services, projectId)
  while (BigInt((await currentCursor(services.em())).xid) <= BigInt(xid)) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Writes an event of a project. */
export const emitOne = async (services: Services, projectId: string, body: EventBody): Promise<void> => {
  const subject = { projectId: rowId(projectId), diffId: body.type === 'ToolCalled' ? rowId(projectId) : null }
  await transact(services, async (tx) => tx.emit(subject, body))
  await untilReadable(services, projectId)
}

/** Writes events of a project, with numbers that the test knows them by. */
export const emit = async (services: Services, projectId: string, numbers: readonly number[]): Promise<void> => {
  const runId = rowId(projectId)
  await transact(services, async (tx) => {
    for (const sequence of numbers) {
      tx.emit({ projectId: runId }, { type: 'CheckpointReached', runId, label: 'A', sequence })
    }
  })
  await untilReadable(services, projectId)
}
