import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Question, Reply } from './child.ts'

/** A process of a benchmark, which does one side's work alone. */
export interface BenchProcess<Ready> extends AsyncDisposable {
  readonly pid: number
  /** What it gave when it was ready: where it listens, for example. */
  readonly ready: Ready
  /** The milliseconds of CPU that it has had, to the microsecond: user and system, all its threads. */
  cpuMs(): Promise<number>
  /** MiB, after a garbage collection: of the heap in use, and resident. */
  memoryMib(): Promise<{ readonly heap: number; readonly resident: number }>
  /** Has it answer one of its own questions. */
  ask<Answer>(name: string, argument?: unknown): Promise<Answer>
  /** Has it close what it holds, and waits until it is gone. */
  end(): Promise<void>
}

export interface ProcessOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Node's own flags; the same ones for both sides. */
  readonly flags?: readonly string[]
}

/**
 * Starts a script that calls `runChild`, with Node as it is run here, and waits until that is ready. It ends with this
 * process, however this ends.
 * @param options what the script's function is called with: JSON
 * @throws Error with its words when it cannot start
 */
export const startProcess = async <Ready>(
  script: URL,
  options: unknown,
  { env = {}, flags = [] }: ProcessOptions = {},
): Promise<BenchProcess<Ready>> => {
  const child = fork(fileURLToPath(script), [JSON.stringify(options)], {
    execArgv: ['--expose-gc', ...flags],
    env: { ...process.env, ...env },
    // What it prints would be in the way of what this process prints.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const waiting = new Map<number, (reply: Reply) => void>()
  const exited = once(child, 'exit')
  exited.then(([code]) => {
    for (const [id, settle] of waiting) settle({ id, error: `The process ended (exit code ${code}).` })
  })
  child.on('message', (reply: Reply) => {
    waiting.get(reply.id)?.(reply)
    waiting.delete(reply.id)
  })
  let last = 0
  const answerTo = (id: number) =>
    new Promise<unknown>((resolve, reject) => {
      waiting.set(id, (reply) => ('error' in reply ? reject(new Error(reply.error)) : resolve(reply.answer)))
    })
  const ask = (name: string, argument?: unknown): Promise<unknown> => {
    if (isGone(child)) return Promise.reject(new Error('The process has ended.'))
    last += 1
    const answer = answerTo(last)
    child.send({ id: last, name, argument } satisfies Question)
    return answer
  }
  const end = async () => {
    if (!isGone(child)) child.disconnect()
    await exited
  }
  try {
    // The number that no question has: it is ready.
    const ready = (await answerTo(0)) as Ready
    return {
      pid: child.pid ?? 0,
      ready,
      cpuMs: () => ask('cpuMs') as Promise<number>,
      memoryMib: () => ask('memoryMib') as Promise<{ heap: number; resident: number }>,
      ask: <Answer>(name: string, argument?: unknown) => ask(name, argument) as Promise<Answer>,
      end,
      [Symbol.asyncDispose]: end,
    }
  } catch (error) {
    child.kill('SIGKILL')
    await exited
    throw error
  }
}

const isGone = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null
