import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

type Attribute = string | number | boolean | null | readonly Attribute[]

/** A span as it was received. */
export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  /** Empty for the root of a trace. */
  readonly parentId: string
  readonly name: string
  /** 1 internal, 2 server, 3 client, 5 consumer. */
  readonly kind: number
  readonly attributes: Readonly<Record<string, Attribute>>
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly isError: boolean
}

interface Field {
  readonly number: number
  readonly value: Buffer | bigint
}

/** The fields of a message in protobuf's wire format. */
const fieldsOf = (message: Buffer): Field[] => {
  const fields: Field[] = []
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at++)
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  const bytes = (length: number): Buffer => {
    at += length
    return message.subarray(at - length, at)
  }
  while (at < message.length) {
    const key = Number(varint())
    const wireType = key & 7
    const value = wireType === 0 ? varint() : bytes(wireType === 2 ? Number(varint()) : wireType === 1 ? 8 : 4)
    fields.push({ number: key >> 3, value })
  }
  return fields
}

const members = (message: Buffer, number: number): Buffer[] =>
  fieldsOf(message).flatMap((field) => (field.number === number && Buffer.isBuffer(field.value) ? [field.value] : []))
const member = (message: Buffer, number: number): Buffer => members(message, number)[0] ?? Buffer.alloc(0)
const integer = (message: Buffer, number: number): number => {
  const found = fieldsOf(message).find((field) => field.number === number)?.value
  return typeof found === 'bigint' ? Number(BigInt.asIntN(64, found)) : 0
}

const anyValue = (message: Buffer): Attribute => {
  const [field] = fieldsOf(message)
  if (field === undefined) return null
  const { number, value } = field
  if (typeof value === 'bigint') return number === 2 ? value === 1n : Number(BigInt.asIntN(64, value))
  if (number === 4) return value.readDoubleLE()
  return number === 5 ? members(value, 1).map(anyValue) : value.toString()
}

const attributesOf = (message: Buffer, number: number): Record<string, Attribute> =>
  Object.fromEntries(members(message, number).map((pair) => [member(pair, 1).toString(), anyValue(member(pair, 2))]))

const toSpan = (span: Buffer): ReceivedSpan => ({
  traceId: member(span, 1).toString('hex'),
  spanId: member(span, 2).toString('hex'),
  parentId: member(span, 4).toString('hex'),
  name: member(span, 5).toString(),
  kind: integer(span, 6),
  attributes: attributesOf(span, 9),
  links: members(span, 13).map((link) => ({
    traceId: member(link, 1).toString('hex'),
    spanId: member(link, 2).toString('hex'),
  })),
  isError: integer(member(span, 15), 3) === 2,
})

export interface Receiver extends AsyncDisposable {
  readonly url: string
  /** Everything that came, in one. */
  readonly raw: () => string
  readonly spans: ReceivedSpan[]
  readonly resources: Readonly<Record<string, Attribute>>[]
  readonly requests: { readonly path: string | undefined; readonly headers: Readonly<Record<string, unknown>> }[]
}

/** Takes spans as a receiver of OTLP over HTTP does, and reads what is in them. */
export const startReceiver = async (): Promise<Receiver> => {
  const bodies: Buffer[] = []
  const receiver: Pick<Receiver, 'spans' | 'resources' | 'requests'> = { spans: [], resources: [], requests: [] }
  const server = createServer(async (request, response) => {
    const body = await buffer(request)
    bodies.push(body)
    receiver.requests.push({ path: request.url, headers: request.headers })
    for (const resourceSpans of members(body, 1)) {
      receiver.resources.push(attributesOf(member(resourceSpans, 1), 1))
      receiver.spans.push(...members(resourceSpans, 2).flatMap((scope) => members(scope, 2).map(toSpan)))
    }
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    ...receiver,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    raw: () => Buffer.concat(bodies).toString('latin1'),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
