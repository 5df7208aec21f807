import type { QueueMemory } from '../../domain/ports/queues.ts'

/** What this needs of a queue that nobody takes jobs from. */
export interface MemoryQueue {
  add(name: string, payload: unknown, options: { jobId: string }): Promise<unknown>
  getJob(id: string): Promise<{ readonly data: unknown } | undefined>
  remove(id: string): Promise<unknown>
}

const jobId = 'memory'
const limitMs = 5_000

const inTime = async <Result>(answer: Promise<Result>): Promise<Result> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The queue backend did not answer within ${limitMs} ms.`)), limitMs)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Keeps a name as a job that nobody takes: it is lost with the others, however that happens.
 * @param incarnation names the running backend; another one may have come up without what was written last
 */
export const createQueueMemory = (queue: MemoryQueue, incarnation: () => Promise<string>): QueueMemory => {
  const markOf = async (name: string) => `${name} ${await incarnation()}`
  return {
    keep: (name) =>
      inTime(
        (async () => {
          const mark = await markOf(name)
          await queue.remove(jobId)
          await queue.add(jobId, mark, { jobId })
        })(),
      ),
    has: (name) =>
      inTime(
        (async () => {
          const mark = await markOf(name)
          return (await queue.getJob(jobId))?.data === mark
        })(),
      ),
  }
}
