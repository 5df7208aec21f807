import { type Extra, maxUnreadBytes } from './connection.ts'

/**
 * Sends results of one operation, each as what `resultPayload` makes of it.
 * @param moreFollow whether there are some that come at once: they are sent together
 * @returns what is to be waited for before more is sent, where the client reads slowly
 */
export type SendResults = (payloads: readonly Buffer[], moreFollow: boolean) => void | Promise<void>

// Of results that are ready to be sent, what waits in this process for a client that reads slowly. The events that come
// then wait in its inbox, and what is too much for that stays in the log.
const maxWaitingBytes = 64 * 1024
// Less is copied into one piece with what is before it; more is shared by all that it is sent to.
const copiedBytes = 16 * 1024

/** A result as the end of its message: made once, however many operations it is sent to. */
export const resultPayload = (json: string): Buffer => Buffer.from(`${json}}`)

/** The head of a frame with the whole of a text, as a server sends it: RFC 6455, section 5.2. */
const writeHead = (target: Buffer, at: number, length: number): number => {
  target[at] = 0x81
  if (length < 126) {
    target[at + 1] = length
    return at + 2
  }
  if (length < 65_536) {
    target[at + 1] = 126
    return target.writeUInt16BE(length, at + 2)
  }
  target[at + 1] = 127
  return target.writeBigUInt64BE(BigInt(length), at + 2)
}

const headLength = (length: number): number => (length < 126 ? 2 : length < 65_536 ? 4 : 10)

/** One message after the other, in few pieces. */
const framesOf = (begin: Buffer, payloads: readonly Buffer[]): readonly Buffer[] => {
  const copied = (payload: Buffer): number => (payload.length > copiedBytes ? 0 : payload.length)
  const size = payloads.reduce(
    (sum, payload) => sum + headLength(begin.length + payload.length) + begin.length + copied(payload),
    0,
  )
  const together = Buffer.allocUnsafe(size)
  const pieces: Buffer[] = []
  let from = 0
  let at = 0
  for (const payload of payloads) {
    at = writeHead(together, at, begin.length + payload.length)
    at += begin.copy(together, at)
    if (payload.length > copiedBytes) {
      pieces.push(together.subarray(from, at), payload)
      from = at
    } else at += payload.copy(together, at)
  }
  if (at > from) pieces.push(from === 0 ? together : together.subarray(from, at))
  return pieces
}

/**
 * Sends results past the library, whose own way puts each together anew for each client. The connection is one without
 * compression.
 */
export const resultSender = ({ socket, request }: Extra, id: string): SendResults => {
  const connection = request.socket
  let begin: Buffer | undefined
  let isHeld = false
  /** Until all that is done at once is done. */
  const hold = (): void => {
    if (isHeld) return
    isHeld = true
    connection.cork()
    process.nextTick(() => {
      isHeld = false
      connection.uncork()
    })
  }
  return (payloads, moreFollow) => {
    if (socket.readyState !== socket.OPEN || payloads.length === 0) return
    if (connection.writableLength > maxUnreadBytes) return socket.terminate()
    begin ??= Buffer.from(`{"id":${JSON.stringify(id)},"type":"next","payload":`)
    if (moreFollow) hold()
    const pieces = framesOf(begin, payloads)
    const last = pieces.length - 1
    const waiting = pieces.reduce((sum, { length }) => sum + length, connection.writableLength)
    if (last === 0 && waiting <= maxWaitingBytes) {
      connection.write(pieces[0] as Buffer)
      return
    }
    connection.cork()
    for (const piece of pieces.slice(0, last)) connection.write(piece)
    const written = new Promise<void>((resolve) => {
      // Also when the connection is gone: then everything ends by that.
      connection.write(pieces[last] as Buffer, () => resolve())
    })
    connection.uncork()
    return waiting > maxWaitingBytes ? written : undefined
  }
}
