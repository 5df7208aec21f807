import { setTimeout as delay } from 'node:timers/promises'
import { quantile } from '../harness/statistics.ts'

export interface Probe {
  /** Of the answers so far, in milliseconds: 99 of 100 took no longer. */
  p99(): number
  readonly count: number
  stop(): Promise<void>
}

const everyMs = 50

/**
 * Asks again and again, whether or not the question before is answered, as people do who do not wait for each other. The
 * time of an answer is counted from when it was to be asked for: a server that stands still makes all of them wait.
 * @param ask one question with its answer
 */
export const startProbe = (ask: (number: number) => Promise<unknown>): Probe => {
  const stop = new AbortController()
  const taken: number[] = []
  const open = new Set<Promise<void>>()
  let fault: unknown
  const begunAt = performance.now()
  const loop = async () => {
    for (let number = 0; !stop.signal.aborted && fault === undefined; number += 1) {
      const dueAt = begunAt + number * everyMs
      // Aborted, it ends at once.
      await delay(Math.max(0, dueAt - performance.now()), undefined, { signal: stop.signal }).catch(() => {})
      if (stop.signal.aborted) return
      const answer = ask(number).then(
        () => {
          taken.push(performance.now() - dueAt)
        },
        (error: unknown) => {
          fault ??= error
        },
      )
      open.add(answer)
      answer.then(() => open.delete(answer))
    }
  }
  const looping = loop()
  return {
    p99: () => quantile(taken, 0.99),
    get count() {
      return taken.length
    },
    async stop() {
      stop.abort()
      await looping
      await Promise.all(open)
      if (fault !== undefined) throw fault
    },
  }
}
