import type { Registry } from 'prom-client'
import type { QueuedFigures, StoredFigures } from '../../domain/process/deployment-figures.ts'
import type { Logger } from '../../domain/shared/services.ts'
import { createRead } from './instruments.ts'

/** What a process answers to whoever asks for its figures. */
export interface Exposition {
  readonly contentType: string
  /** The figures as Prometheus reads them. Those that cannot be read just now are left out, and `backend_up` says so. */
  text(): Promise<string>
}

export interface Readings {
  readStored(): Promise<StoredFigures>
  readQueued(): Promise<QueuedFigures>
}

export interface ExpositionOptions {
  readonly version: string
  readonly log: Logger
  /** For how long figures that were read are shown again, in milliseconds; 5 s unless given. */
  readonly keptMs?: number
  /** How long a backend is waited for, in milliseconds; 3 s unless given. */
  readonly patienceMs?: number
}

const within = async <Value>(reading: Promise<Value>, ms: number): Promise<Value> => {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`It did not answer within ${ms} ms.`)), ms)
  try {
    return await Promise.race([reading, late])
  } finally {
    clearTimeout(timer)
  }
}

/** A reading that hangs is not begun again beside itself. */
const oneAtATime = <Value>(read: () => Promise<Value>): (() => Promise<Value>) => {
  let underWay: Promise<Value> | undefined
  return () => {
    underWay ??= read().finally(() => {
      underWay = undefined
    })
    return underWay
  }
}

/** Shows the figures of a process, and with them those that every process reads of the whole deployment. */
export const createExposition = (registry: Registry, readings: Readings, options: ExpositionOptions): Exposition => {
  const { version, log, keptMs = 5_000, patienceMs = 3_000 } = options
  const shown = createRead(registry)
  shown.build.set({ version }, 1)
  const readStored = oneAtATime(readings.readStored)
  const readQueued = oneAtATime(readings.readQueued)

  const showStored = (figures: StoredFigures | null): void => {
    for (const gauge of [shown.slots, shown.diffs]) gauge.reset()
    for (const gauge of [shown.oldestDiff, shown.eventLag, shown.webhookLag, shown.deadWebhooks]) gauge.remove()
    if (figures === null) return
    for (const { pool, count, oldestSeconds } of figures.outbox) {
      shown.jobs.set({ pool, place: 'outbox' }, count)
      shown.oldestJob.set({ pool, place: 'outbox' }, oldestSeconds)
    }
    for (const { pool, running, slots } of figures.crews) {
      shown.jobs.set({ pool, place: 'running' }, running)
      shown.slots.set({ pool }, slots)
    }
    for (const { status, count } of figures.diffs) shown.diffs.set({ status: status.toLowerCase() }, count)
    shown.oldestDiff.set(figures.oldestDiffSeconds)
    shown.eventLag.set(figures.eventLagSeconds)
    shown.webhookLag.set(figures.webhookLagSeconds)
    shown.deadWebhooks.set(figures.deadWebhooks)
  }
  const showQueued = (figures: QueuedFigures | null): void => {
    if (figures === null) return
    for (const { pool, count, oldestSeconds } of figures.waiting) {
      shown.jobs.set({ pool, place: 'waiting' }, count)
      shown.oldestJob.set({ pool, place: 'waiting' }, oldestSeconds)
    }
    for (const { pool, count } of figures.delayed) shown.jobs.set({ pool, place: 'delayed' }, count)
  }

  const read = async <Figures>(backend: string, reading: Promise<Figures>): Promise<Figures | null> => {
    try {
      const figures = await within(reading, patienceMs)
      shown.backends.set({ backend }, 1)
      return figures
    } catch (error) {
      log.debug({ error, backend }, 'figures could not be read')
      shown.backends.set({ backend }, 0)
      return null
    }
  }
  const refresh = async (): Promise<void> => {
    const [stored, queued] = await Promise.all([read('database', readStored()), read('queue', readQueued())])
    shown.jobs.reset()
    shown.oldestJob.reset()
    showStored(stored)
    showQueued(queued)
  }
  let refreshing: Promise<void> | undefined
  let freshUntil = Number.NEGATIVE_INFINITY
  const beFresh = async (): Promise<void> => {
    if (performance.now() < freshUntil) return
    refreshing ??= refresh().finally(() => {
      freshUntil = performance.now() + keptMs
      refreshing = undefined
    })
    await refreshing
  }
  return {
    contentType: registry.contentType,
    async text() {
      await beFresh()
      return registry.metrics()
    },
  }
}
