import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import pg from 'pg'
import type { Signals } from '../../domain/ports/queues.ts'

/** Nothing of a signal is kept, and nobody answers: that costs a tenth of what a message costs that is. */
export interface OpenedSignals extends Signals {
  close(): Promise<void>
}

type Listeners = Map<string, () => void>

const tellAll = (listeners: Listeners): void => {
  for (const listener of listeners.values()) listener()
}

const reconnectMs = 1_000
const keepAlive = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 } as const

/** After how many milliseconds a connection that does not answer is given up. */
export interface SignalTimes {
  readonly connectMs: number
  readonly answerMs: number
  /** How often a connection is asked for a sign of life: who only listens would not hear that its server is gone. */
  readonly probeMs: number
  /** How long its end is waited for. */
  readonly endMs: number
}

const defaultTimes: SignalTimes = { connectMs: 10_000, answerMs: 5_000, probeMs: 30_000, endMs: 1_000 }

/** Does one thing after the other: a client that is asked more at once warns of that. */
const inTurn = () => {
  let last: Promise<unknown> = Promise.resolve()
  return <Result>(work: () => Promise<Result>): Promise<Result> => {
    const next = last.then(work)
    last = next.catch(() => {})
    return next
  }
}

/** A connection, and what is asked on it. */
interface Asked {
  readonly client: pg.Client
  ask(query: string | pg.QueryConfig): Promise<void>
}

/**
 * By NOTIFY, on a connection of its own: in a transaction that writes it would have all commits wait for each other.
 * @param report is told what goes wrong; whoever waits for a signal looks again by itself
 */
export const openPostgresSignals = (
  databaseUrl: string,
  report: (error: Error) => void,
  { connectMs, answerMs, probeMs, endMs }: SignalTimes = defaultTimes,
): OpenedSignals => {
  const listeners: Listeners = new Map()
  const channelOf = (topic: string): string => `countersign_${topic}`
  const clients = new Set<pg.Client>()
  let connecting: Promise<Asked> | undefined
  let isClosed = false

  const connect = async (): Promise<Asked> => {
    const client = new pg.Client({
      connectionString: databaseUrl,
      ...keepAlive,
      connectionTimeoutMillis: connectMs,
      query_timeout: answerMs,
    })
    clients.add(client)
    client.once('end', () => clients.delete(client))
    client.on('error', report)
    client.on('notification', ({ channel, processId }) => {
      // A server counts processes as it likes; the type leaves out what the client knows of its own.
      if (processId !== (client as { processID?: number }).processID) listeners.get(channel)?.()
    })
    const turn = inTurn()
    const ask = async (query: string | pg.QueryConfig): Promise<void> => {
      try {
        await turn(() => client.query(query))
      } catch (error) {
        // One that answers is still good. Another is not heard of again, and its end has it replaced.
        if (!(error instanceof pg.DatabaseError)) void client.end()
        throw error
      }
    }
    try {
      await client.connect()
      for (const channel of listeners.keys()) await ask(`listen ${pg.escapeIdentifier(channel)}`)
      return { client, ask }
    } catch (error) {
      void client.end()
      throw error
    }
  }
  const connected = (): Promise<Asked> => {
    if (connecting) return connecting
    const mine = connect()
    const forget = (): void => {
      if (connecting === mine) connecting = undefined
    }
    connecting = mine
    // What fails before it listens to all is told to who asked for it, and tried again by them.
    mine.then(({ client }) => {
      client.once('end', () => {
        forget()
        if (!isClosed) void connectAgain()
      })
    }, forget)
    return mine
  }
  const connectAgain = async (): Promise<void> => {
    while (!isClosed && listeners.size > 0) {
      try {
        await connected()
        // Nobody knows what was signalled meanwhile.
        tellAll(listeners)
        return
      } catch (error) {
        report(error as Error)
        await delay(reconnectMs, undefined, { ref: false })
      }
    }
  }
  const probe = setInterval(() => {
    connecting?.then(({ ask }) => ask('select 1')).catch((error: Error) => !isClosed && report(error))
  }, probeMs).unref()
  return {
    async publish(topic) {
      if (isClosed) return
      try {
        const { ask } = await connected()
        await ask({ name: 'signal', text: `select pg_notify($1, '')`, values: [channelOf(topic)] })
      } catch (error) {
        if (!isClosed) report(error as Error)
      }
    },
    async subscribe(topic, listener) {
      const channel = channelOf(topic)
      const { ask } = await connected()
      listeners.set(channel, listener)
      await ask(`listen ${pg.escapeIdentifier(channel)}`)
    },
    async close() {
      isClosed = true
      clearInterval(probe)
      const hasEnded = new AbortController()
      const late = delay(endMs, undefined, { signal: hasEnded.signal }).catch(() => {})
      const ended = connecting?.then(({ client }) => client.end()).catch(() => {})
      await Promise.race([ended, late])
      hasEnded.abort()
      // Also one whose server does not answer.
      for (const { connection } of clients) connection.stream.destroy()
    },
  }
}

/** By PUBLISH, which keeps nothing either. */
export const openRedisSignals = (connection: Redis, prefix: string, report: (error: Error) => void): OpenedSignals => {
  const listeners: Listeners = new Map()
  const channelOf = (topic: string): string => `${prefix}:signals:${topic}`
  const self = randomUUID()
  let listening: Redis | undefined
  let isClosed = false

  const listen = (): Redis => {
    const client = connection.duplicate()
    client.on('error', report)
    client.on('message', (channel: string, from: string) => {
      if (from !== self) listeners.get(channel)?.()
    })
    // Nobody knows what was signalled while it was not there.
    client.on('ready', () => tellAll(listeners))
    return client
  }
  return {
    async publish(topic) {
      if (isClosed) return
      try {
        await connection.publish(channelOf(topic), self)
      } catch (error) {
        if (!isClosed) report(error as Error)
      }
    },
    async subscribe(topic, listener) {
      listening ??= listen()
      listeners.set(channelOf(topic), listener)
      await listening.subscribe(channelOf(topic))
    },
    async close() {
      isClosed = true
      listening?.disconnect()
    },
  }
}
