/** PostgreSQL's COPY over a connection of `pg`, which leaves both directions to whoever submits the statement. */

import { type Duplex, Readable } from 'node:stream'
import type pg from 'pg'

/** What `pg` has for COPY, and its types do not. */
interface CopyConnection {
  readonly stream: Duplex
  query(statement: string): void
  sendCopyFromChunk(chunk: Uint8Array): void
  endCopyFrom(): void
  sendCopyFail(reason: string): void
}

interface CopyHandlers {
  onData?(chunk: Buffer, connection: CopyConnection): void
  onReady?(connection: CopyConnection): void
  /** With how many rows, or why not; the connection takes the next statement by then. */
  onEnd(outcome: { readonly rows: number } | { readonly error: Error }): void
}

/** Rows are a message each: a file is not written in such small pieces. */
const pieceBytes = 65_536

const submit = (client: pg.Client, statement: string, handlers: CopyHandlers): void => {
  let rows = 0
  let failure: Error | undefined
  let hasEnded = false
  const end = () => {
    if (hasEnded) return
    hasEnded = true
    handlers.onEnd(failure ? { error: failure } : { rows })
  }
  client.query({
    submit: (connection: unknown) => (connection as CopyConnection).query(statement),
    handleCopyData: ({ chunk }: { chunk: Buffer }, connection: CopyConnection) => handlers.onData?.(chunk, connection),
    handleCopyInResponse: (connection: CopyConnection) => handlers.onReady?.(connection),
    handleCommandComplete: ({ text }: { text: string }) => {
      rows = Number(/^COPY (\d+)$/.exec(text)?.[1] ?? 0)
    },
    handleReadyForQuery: end,
    handleError: (error: Error) => {
      failure ??= error
      // The client says nothing more to a statement that has failed.
      end()
    },
  } as pg.Submittable)
}

/**
 * What `COPY ... TO STDOUT` says. It is read as fast as it is asked for.
 * @returns `rows` settles when the stream has ended; nothing else may be asked of the client before
 */
export const copyOut = (client: pg.Client, statement: string): { content: Readable; rows: Promise<number> } => {
  let flowing: Duplex | undefined
  let pieces: Buffer[] = []
  let bytes = 0
  const content = new Readable({
    read: () => flowing?.resume(),
    // What the server still sends is thrown away.
    destroy(error, done) {
      flowing?.resume()
      done(error)
    },
  })
  const flush = (): boolean => {
    const whole = Buffer.concat(pieces)
    pieces = []
    bytes = 0
    return content.push(whole)
  }
  const rows = new Promise<number>((resolve, reject) => {
    submit(client, statement, {
      onData(chunk, connection) {
        flowing = connection.stream
        if (content.destroyed) return
        // The buffer behind the chunk is used again for what comes next.
        pieces.push(Buffer.from(chunk))
        bytes += chunk.length
        if (bytes >= pieceBytes && !flush()) connection.stream.pause()
      },
      onEnd(outcome) {
        if ('error' in outcome) {
          content.destroy(outcome.error)
          return reject(outcome.error)
        }
        if (bytes > 0) flush()
        content.push(null)
        resolve(outcome.rows)
      },
    })
  })
  rows.catch(() => {})
  return { content, rows }
}

/** Until it takes more, or nothing any more. */
const drained = (stream: Duplex): Promise<void> =>
  new Promise((resolve) => {
    const goOn = () => {
      stream.off('drain', goOn).off('close', goOn)
      resolve()
    }
    stream.on('drain', goOn).on('close', goOn)
  })

/**
 * Gives `COPY ... FROM STDIN` its content.
 * @returns how many rows were stored
 * @throws what reading the content throws, and what the database says of it
 */
export const copyIn = async (
  client: pg.Client,
  statement: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<number> => {
  let unread: unknown
  let isOver = false
  const send = async (connection: CopyConnection): Promise<void> => {
    const { stream } = connection
    try {
      for await (const chunk of content) {
        // The database has refused what it was given.
        if (isOver || !stream.writable) return
        connection.sendCopyFromChunk(chunk)
        if (stream.writableNeedDrain) await drained(stream)
      }
      if (!isOver) connection.endCopyFrom()
    } catch (error) {
      unread = error
      connection.sendCopyFail('the content could not be read')
    }
  }
  return await new Promise<number>((resolve, reject) => {
    submit(client, statement, {
      onReady: (connection) => void send(connection),
      onEnd(outcome) {
        isOver = true
        if ('error' in outcome) reject(unread ?? outcome.error)
        else resolve(outcome.rows)
      },
    })
  })
}
