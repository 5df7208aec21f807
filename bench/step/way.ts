/** One way from a command to a stored completion. */
export interface Way extends AsyncDisposable {
  /** Asks for a job that does nothing but say in its row that it is done, and waits for it. */
  run(id: string): Promise<Took>
  /** Whether the job has left what it is to leave. */
  isDone(id: string): Promise<boolean>
}

/** In milliseconds from the command's begin. */
export interface Took {
  /** Until what the job has to store is stored. */
  readonly stored: number
  /** Until the queue has told that the job is over; where it does not tell, the same. */
  readonly completed: number
}

/** Of each pool, as the product has it for its sessions and tests by default. */
export const concurrency = 4

// A job that is lost is said to be: nobody waits for ever.
const limitMs = 60_000

/** What is waited for, by id. */
export interface Waiting {
  wait(id: string): Promise<Took>
  /** What the job has to store is stored. */
  stored(id: string): void
  /** The queue has told that the job is over. */
  completed(id: string): void
}

/** @param isTold whether the queue tells when a job is over; otherwise it is when its function has ended */
export const createWaiting = (isTold: boolean): Waiting => {
  const waiting = new Map<string, { begun: number; stored: number; isTold: boolean; settle: (took: Took) => void }>()
  const settleIfBoth = (id: string) => {
    const entry = waiting.get(id)
    // What the queue tells may come before the function's end is seen here.
    if (!entry || Number.isNaN(entry.stored) || (isTold && !entry.isTold)) return
    waiting.delete(id)
    entry.settle({ stored: entry.stored, completed: performance.now() - entry.begun })
  }
  return {
    wait: (id) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => {
          const { stored, isTold: told } = waiting.get(id) ?? {}
          reject(new Error(`The job ${id} did not end within ${limitMs} ms (stored: ${stored}, told: ${told}).`))
        }, limitMs)
        const settle = (took: Took) => {
          clearTimeout(late)
          resolve(took)
        }
        waiting.set(id, { begun: performance.now(), stored: Number.NaN, isTold: false, settle })
      }),
    stored(id) {
      const entry = waiting.get(id)
      if (entry) entry.stored = performance.now() - entry.begun
      settleIfBoth(id)
    },
    completed(id) {
      const entry = waiting.get(id)
      if (entry) entry.isTold = true
      settleIfBoth(id)
    },
  }
}
