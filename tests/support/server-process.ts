import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { StartOptions } from '../../src/start.ts'
import { programFile } from './programs.ts'
import { testSandbox } from './sandbox.ts'

export interface ServerProcess extends AsyncDisposable {
  readonly pid: number
  /** Empty for one without an API. */
  readonly url: string
  readonly token: string
  /** One request as the administrator. @throws Error on top-level errors */
  // biome-ignore lint/suspicious/noExplicitAny: a test knows the shape of what it asked for
  query(document: string, variables?: object): Promise<any>
  /** Ends the process with a signal and waits until it is gone. @returns its exit code, null when the signal ended it */
  end(signal: NodeJS.Signals): Promise<number | null>
}

const script = programFile('tests/support/server-process-main')

const readAnswer = async (child: ChildProcess): Promise<{ url: string; token: string }> => {
  if (!child.stdout) throw new Error('unreachable')
  const lines = createInterface({ input: child.stdout })
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`The server ended with ${code} before it said where it is.`)
  })
  exited.catch(() => {})
  const [line] = await Promise.race([once(lines, 'line'), exited])
  const answer = JSON.parse(String(line))
  if (answer.error) throw new Error(answer.error)
  return answer
}

/**
 * Starts a server in a process of its own.
 * @param part what it is of a deployment: API and all pools when left out
 * @param pauseBefore words: it pauses itself before its first call of a model that speaks of them
 * @param onLog is given what it logs, which is shown otherwise
 * @throws Error with its words when it cannot start
 */
export const startServerProcess = async (
  env: Readonly<Record<string, string>>,
  overrides: StartOptions['overrides'] = {},
  part: Partial<Pick<StartOptions, 'api' | 'pools'>> = {},
  pauseBefore?: string,
  onLog?: (text: string) => void,
): Promise<ServerProcess> => {
  const options = {
    env: {
      PORT: '0',
      LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? 'fatal',
      SANDBOX: testSandbox().driver,
      // What a test left unanswered is not waited for.
      DRAIN_SECONDS: '0',
      ...env,
    },
    overrides,
    part,
    pauseBefore,
  }
  const child = spawn(process.execPath, [script, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', onLog ? 'pipe' : 'inherit'],
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => onLog?.(text))
  const exited = once(child, 'exit')
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    await exited
    return child.exitCode
  }
  let answer: { url: string; token: string }
  try {
    answer = await readAnswer(child)
  } catch (error) {
    if (child.exitCode === null && child.signalCode === null) await end('SIGKILL')
    throw error
  }
  return {
    pid: Number(child.pid),
    ...answer,
    async query(query, variables = {}) {
      const response = await fetch(`${answer.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${answer.token}` },
        body: JSON.stringify({ query, variables }),
      })
      const { data, errors } = (await response.json()) as { data: unknown; errors?: { message: string }[] }
      if (errors) throw new Error(errors.map(({ message }) => message).join('; '))
      return data
    },
    end,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) await end('SIGKILL')
    },
  }
}
