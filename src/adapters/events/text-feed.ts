import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { Messages } from '../../domain/ports/queues.ts'
import type { TextFeed, TextPiece } from '../../domain/ports/text-feed.ts'
import { interruptible } from '../../domain/shared/interruptible.ts'
import type { Logger } from '../../domain/shared/services.ts'

const topic = 'session-text'

// Often enough for an eye, seldom enough for a database.
const gatherMs = 40
// Of text that waits to be sent, or for one reader who is slow.
const maxWaitingCharacters = 256_000

const piece = z.object({
  sessionId: z.string(),
  messageId: z.string(),
  agent: z.string(),
  iteration: z.number(),
  offset: z.number(),
  text: z.string(),
})
const pieces = z.array(piece)

const continues = (before: TextPiece | undefined, next: TextPiece): before is TextPiece =>
  before?.messageId === next.messageId && before.offset + before.text.length === next.offset

/** Pieces that wait: neighbours become one; when there are too many, the oldest are dropped. */
const createQueue = () => {
  const waiting: TextPiece[] = []
  let characters = 0
  return {
    add(next: TextPiece) {
      const last = waiting.at(-1)
      if (continues(last, next)) waiting[waiting.length - 1] = { ...last, text: last.text + next.text }
      else waiting.push(next)
      characters += next.text.length
      while (characters > maxWaitingCharacters && waiting.length > 1) characters -= waiting.shift()?.text.length ?? 0
    },
    take(): TextPiece | undefined {
      const first = waiting.shift()
      characters -= first?.text.length ?? 0
      return first
    },
    isEmpty: () => waiting.length === 0,
    takeAll(): TextPiece[] {
      characters = 0
      return waiting.splice(0)
    },
  }
}

interface Reader {
  readonly sessionId: string
  readonly queue: ReturnType<typeof createQueue>
  notify: () => void
}

/** Carries text between processes by messages that are not kept. */
export const createTextFeed = async (messages: Messages, log: Logger): Promise<TextFeed> => {
  const readers = new Set<Reader>()
  const outgoing = createQueue()
  let sending: Promise<void> | undefined
  let sentAt = Number.NEGATIVE_INFINITY
  let closed = false

  const send = async (): Promise<void> => {
    for (;;) {
      await delay(Math.max(0, sentAt + gatherMs - performance.now()))
      const gathered = outgoing.takeAll()
      if (gathered.length === 0) return
      await messages.publish(topic, gathered)
      sentAt = performance.now()
      if (outgoing.isEmpty()) return
    }
  }

  await messages.subscribe(topic, (data) => {
    const received = pieces.safeParse(data)
    if (!received.success) {
      log.warn({ topic }, 'a message of another form was left out')
      return
    }
    for (const reader of readers) {
      for (const each of received.data) if (each.sessionId === reader.sessionId) reader.queue.add(each)
      reader.notify()
    }
  })

  async function* read(sessionId: string, signal: AbortSignal): AsyncGenerator<TextPiece> {
    const reader: Reader = { sessionId, queue: createQueue(), notify: () => {} }
    readers.add(reader)
    const onAbort = () => reader.notify()
    signal.addEventListener('abort', onAbort)
    try {
      while (!signal.aborted && !closed) {
        const next = reader.queue.take()
        if (next) yield next
        else {
          await new Promise<void>((resolve) => {
            reader.notify = resolve
            if (signal.aborted || closed) resolve()
          })
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      readers.delete(reader)
    }
  }

  return {
    write(next) {
      outgoing.add(next)
      sending ??= send().finally(() => {
        sending = undefined
      })
    },
    async flush() {
      await sending
    },
    readers: () => readers.size,
    follow: (sessionId, signal) =>
      interruptible((left) => read(sessionId, signal ? AbortSignal.any([signal, left]) : left)),
    async [Symbol.asyncDispose]() {
      closed = true
      for (const reader of readers) reader.notify()
      await sending
    },
  }
}
