import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { holdsWithin, type Identity, processStart } from '../../src/adapters/db/embedded-process.ts'

export interface Held {
  readonly connectionString: string
  readonly directory: string
  readonly notice: string | null
}

export interface HolderProcess extends AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams
  readonly pid: number
  /** The database that it holds; rejects with its words when it could not start one. */
  readonly held: Promise<Held>
  /** Settles when the database has written a line that has these words. */
  wrote(words: string): Promise<void>
  /** Ends the process with a signal and waits until it is gone. */
  kill(signal: NodeJS.Signals): Promise<void>
}

/** Starts another process that holds the embedded database; it is a process group of its own. */
export function startHolder(
  options: { dataDir: string; isDurable?: boolean; systemDir?: string },
  identity?: Identity,
): HolderProcess {
  const script = fileURLToPath(new URL('embedded-holder-process.ts', import.meta.url))
  const child = spawn(process.execPath, [script, JSON.stringify(options)], { detached: true, ...identity })
  const exited = once(child, 'exit')
  const held = once(createInterface({ input: child.stdout }), 'line').then(([line]) => {
    const answer = JSON.parse(String(line)) as Held | { error: string }
    if ('error' in answer) throw new Error(answer.error)
    return answer
  })
  // Who does not ask for it wants to see something else, for example that the process was killed before.
  held.catch(() => undefined)
  const errorLines = createInterface({ input: child.stderr })
  const kill = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    await exited
  }
  return {
    child,
    pid: Number(child.pid),
    held,
    wrote: (words) =>
      new Promise((resolve, reject) => {
        errorLines.on('line', (line) => line.includes(words) && resolve())
        child.once('exit', () => reject(new Error(`The process ended before its database wrote "${words}".`)))
      }),
    kill,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) await kill('SIGKILL')
    },
  }
}

/** The number of the PostgreSQL server that runs in a directory. */
export async function postmasterPid(directory: string): Promise<number> {
  return Number((await readFile(join(directory, 'data', 'postmaster.pid'), 'utf8')).split('\n')[0])
}

/** Waits until a process is gone; false when it is there after 20 seconds. */
export async function isGone(pid: number): Promise<boolean> {
  return await holdsWithin(20_000, async () => (await processStart(pid)) === null)
}
