import { type ChildProcess, fork } from 'node:child_process'
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import type { FileFacts, FileTask } from './analyze-file.ts'
import type { ChildMessage } from './child.ts'

export type Outcome = { readonly facts: FileFacts } | { readonly failure: string }

/** One child process that analyses one file at a time, and is started anew after it had to be killed. */
export interface AnalyzerChild {
  /** Never rejects; calls are served in order. */
  run(task: FileTask): Promise<Outcome>
  [Symbol.asyncDispose](): Promise<void>
}

const startLimitMs = 30_000

/** What a process runs: the script beside this one. */
export const analyzerScript = new URL(import.meta.url.endsWith('.ts') ? './child.ts' : './child.js', import.meta.url)

/** `timeoutMs` is what one file may take, start of the process not counted. */
export function createAnalyzerChild(timeoutMs: number, script: URL): AnalyzerChild {
  let child: ChildProcess | null = null
  let last: Promise<unknown> = Promise.resolve()
  let disposed = false

  const kill = async (): Promise<void> => {
    const dying = child
    child = null
    if (dying === null || dying.exitCode !== null || dying.signalCode !== null) return
    const gone = new Promise((resolve) => dying.once('exit', resolve))
    dying.kill('SIGKILL')
    await gone
  }

  const serve = async (task: FileTask): Promise<Outcome> => {
    if (disposed) return { failure: 'the analyzer was closed' }
    if (child === null) {
      child = startChild(script)
      const started = await answer(child, startLimitMs)
      if (typeof started === 'string' || started.kind !== 'ready') {
        await kill()
        return {
          failure: `the analyzer's process did not start: ${typeof started === 'string' ? started : started.kind}`,
        }
      }
    }
    const answered = answer(child, timeoutMs)
    child.send(task)
    const reply = await answered
    if (typeof reply === 'string') {
      await kill()
      return { failure: reply }
    }
    if (reply.kind === 'analyzed') return { facts: reply.facts }
    return { failure: reply.kind === 'failed' ? reply.message : 'the analyzer answered out of turn' }
  }

  return {
    run(task) {
      const outcome = last.then(() => serve(task))
      last = outcome
      return outcome
    },
    async [Symbol.asyncDispose]() {
      disposed = true
      await kill()
    },
  }
}

function startChild(script: URL): ChildProcess {
  // Where this process keeps what it has compiled, when it was told to: it is in a folder of Node's version there.
  const compiled = getCompileCacheDir()
  return fork(script, {
    serialization: 'advanced',
    env: compiled === undefined ? {} : { NODE_COMPILE_CACHE: dirname(compiled) },
    execArgv: ['--max-old-space-size=512', '--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
}

/** The next message, or in words why there will be none. */
function answer(child: ChildProcess, limitMs: number): Promise<ChildMessage | string> {
  return new Promise((resolve) => {
    const settle = (result: ChildMessage | string) => {
      clearTimeout(timer)
      child.off('message', onMessage)
      child.off('exit', onExit)
      child.off('error', onError)
      resolve(result)
    }
    const onMessage = (message: unknown) => settle(message as ChildMessage)
    const onExit = (code: number | null, signal: string | null) => settle(`its process ended with ${signal ?? code}`)
    const onError = (error: Error) => settle(error.message)
    const timer = setTimeout(() => settle(`it took more than ${limitMs} ms`), limitMs)
    child.on('message', onMessage)
    child.on('exit', onExit)
    child.on('error', onError)
  })
}
