import { ownCpuMs } from './cpu.ts'

/** What a benchmark's process asks one that it started. */
export interface Question {
  readonly id: number
  readonly name: string
  readonly argument?: unknown
}

export type Reply = { readonly id: number; readonly answer: unknown } | { readonly id: number; readonly error: string }

/** What a process of a benchmark has made. */
export interface Child<Ready> {
  /** For `ready` of `startProcess`: JSON. */
  readonly ready: Ready
  /** What else it can be asked. */
  readonly answers?: Readonly<Record<string, (argument: never) => unknown>>
  close?(): Promise<void> | void
}

const memoryMib = () => {
  globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed / 2 ** 20, resident: rss / 2 ** 20 }
}

/**
 * What a process of a benchmark says to a question.
 * @throws Error for one that it does not know, and whatever its answer throws
 */
export const answerOf = async (
  { answers = {} }: Pick<Child<unknown>, 'answers'>,
  name: string,
  argument: unknown,
): Promise<unknown> => {
  const all: NonNullable<Child<unknown>['answers']> = { cpuMs: ownCpuMs, memoryMib, ...answers }
  const answer = all[name]
  if (answer === undefined) throw new Error(`This process does not know the question ${name}.`)
  return await answer(argument as never)
}

/**
 * The whole of a script that `startProcess` starts: makes what it is for, answers questions, and closes when the process
 * that started it lets go of it or is gone.
 */
export const runChild = async <Options, Ready>(make: (options: Options) => Promise<Child<Ready>>): Promise<void> => {
  const reply = (message: Reply) => {
    if (process.connected) process.send?.(message)
  }
  const isReleased = new Promise<void>((resolve) => process.once('disconnect', resolve))
  let child: Child<Ready>
  try {
    child = await make(JSON.parse(process.argv[2] ?? 'null'))
  } catch (error) {
    const fault = error instanceof Error ? (error.stack ?? error.message) : String(error)
    process.send?.({ id: 0, error: fault } satisfies Reply, () => process.disconnect())
    process.exitCode = 1
    return
  }
  process.on('message', async ({ id, name, argument }: Question) => {
    try {
      reply({ id, answer: await answerOf(child, name, argument) })
    } catch (error) {
      reply({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  })
  reply({ id: 0, answer: child.ready })
  await isReleased
  await child.close?.()
  // Nobody is left to wait for what it may still hold.
  process.exit()
}
