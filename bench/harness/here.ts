import { answerOf, type Child } from './child.ts'
import type { BenchProcess } from './process.ts'

/**
 * The same as `startProcess` gives, in this process: a run in small has no time for another one to load as much. Its CPU
 * and memory are this process's then.
 */
export const startHere = async <Ready>(making: Promise<Child<Ready>>): Promise<BenchProcess<Ready>> => {
  const child = await making
  let ended: Promise<void> | undefined
  const end = () => {
    ended ??= Promise.resolve(child.close?.())
    return ended
  }
  const ask = <Answer>(name: string, argument?: unknown) => answerOf(child, name, argument) as Promise<Answer>
  return {
    pid: process.pid,
    ready: child.ready,
    cpuMs: () => ask('cpuMs'),
    memoryMib: () => ask('memoryMib'),
    ask,
    end,
    [Symbol.asyncDispose]: end,
  }
}
