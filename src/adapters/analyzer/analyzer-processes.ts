import { availableParallelism } from 'node:os'
import type { FileTask } from './analyze-file.ts'
import { type AnalyzerChild, createAnalyzerChild, type Outcome } from './child-process.ts'

/** The processes in which files are analysed, shared by everybody who asks. */
export interface AnalyzerProcesses {
  /** Never rejects; the next free process takes the file that has waited longest. */
  run(task: FileTask): Promise<Outcome>
  [Symbol.asyncDispose](): Promise<void>
}

/** At most so many processes, and never more than cores; each is started when a file finds none free. */
export function createAnalyzerProcesses(most: number, timeoutMs: number, script: URL): AnalyzerProcesses {
  const limit = Math.max(1, Math.min(most, availableParallelism()))
  const children: AnalyzerChild[] = []
  const free: AnalyzerChild[] = []
  const waiting: ((child: AnalyzerChild) => void)[] = []

  const take = (): Promise<AnalyzerChild> => {
    const child = free.pop()
    if (child !== undefined) return Promise.resolve(child)
    if (children.length >= limit) return new Promise((resolve) => waiting.push(resolve))
    const started = createAnalyzerChild(timeoutMs, script)
    children.push(started)
    return Promise.resolve(started)
  }
  return {
    async run(task) {
      const child = await take()
      const outcome = await child.run(task)
      const next = waiting.shift()
      if (next === undefined) free.push(child)
      else next(child)
      return outcome
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(children.map((child) => child[Symbol.asyncDispose]()))
    },
  }
}
