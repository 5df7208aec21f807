import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { expect, it } from 'vitest'
import { createWebhookSender } from '../../src/adapters/webhooks/webhook-sender.ts'
import type { EventRow } from '../../src/domain/event/event.entity.ts'
import { eventTypes } from '../../src/domain/webhook/event-types.ts'
import { webhookPayload } from '../../src/domain/webhook/payload.ts'
import { blocks, tableRows } from '../docs/pages.ts'

const page = 'docs/WEBHOOKS.md'
const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`

it('the receiver of the page takes what is signed with its secret, and nothing else', async () => {
  const [example = ''] = blocks(page, 'js')
  const code = example.replace(/^import .*$/gm, '')
  const printed: unknown[] = []
  let listener: RequestListener = () => {}
  const capture = (given: RequestListener) => {
    listener = given
    return { listen: () => {} }
  }
  const environment = { env: { WEBHOOK_SECRET: secretOf(1) } }
  const console = { log: (...words: unknown[]) => printed.push(words) }
  new Function('createServer', 'Webhook', 'process', 'console', code)(capture, Webhook, environment, console)
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const rules = { allowedProtocols: ['http'], allowedHosts: null, allowPrivateHosts: true, userAgent: 'x' }
    const send = (secret: string) => {
      const body = '{"type":"DiffChanged","data":{"cursor":"1-2"}}'
      return createWebhookSender(rules).send(
        { url, secret, id: 'x', at: new Date(), body },
        new AbortController().signal,
      )
    }
    expect([(await send(secretOf(1))).kind, (await send(secretOf(2))).kind]).toEqual(['ACCEPTED', 'FAILED'])
    expect(printed).toEqual([['DiffChanged', '1-2']])
  } finally {
    server.close()
  }
})

it('the page names every type of event', () => {
  const named = tableRows(page, 'type', 'fields').map(([type = '']) => type)
  expect(named.toSorted()).toEqual(eventTypes.map((type) => `\`${type}\``).toSorted())
})

it("the page's example is what is sent of such an event", () => {
  const example = blocks(page, 'json').find((block) => 'timestamp' in JSON.parse(block)) ?? ''
  const { type, timestamp, data } = JSON.parse(example)
  const [xid, id] = data.cursor.split('-')
  const rowId = (globalId: string) => Buffer.from(globalId, 'base64').toString().split(':')[1] ?? ''
  const event: EventRow = {
    id,
    xid,
    at: new Date(timestamp),
    projectId: rowId(data.projectId),
    specId: null,
    sprintId: null,
    sessionId: null,
    diffId: rowId(data.diffId),
    body: { type, diffId: rowId(data.diffId), status: data.status },
  }
  expect(JSON.parse(webhookPayload(event))).toEqual(JSON.parse(example))
})

it("what this version does not know of a newer one's event is left out, and text that was cut stays Unicode", () => {
  const id = '6f1c1e2a-0000-4000-8000-000000000000'
  const none = { specId: null, sprintId: null, sessionId: null, diffId: null }
  const body = { type: 'ToolCalled', tool: `${'x'.repeat(199)}😀`, newId: id, files: { 'a.py': 'secret' }, list: ['x'] }
  const event = { id: '1', xid: '1', at: new Date(0), projectId: id, ...none, body } as unknown as EventRow
  expect(JSON.parse(webhookPayload(event)).data).toEqual({
    cursor: '1-1',
    at: '1970-01-01T00:00:00.000Z',
    projectId: Buffer.from(`Project:${id}`).toString('base64'),
    tool: `${'x'.repeat(199)}\ufffd`,
  })
})
