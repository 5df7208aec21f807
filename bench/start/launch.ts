import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { cpuMsOfProcess } from '../harness/cpu.ts'

/** What both servers are asked first. */
export const firstQuery = '{ viewer { name } }'

export interface LaunchOptions {
  /** For Node. */
  readonly argv: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly port: number
  readonly token: string
}

export interface Launched {
  /** From the start of the process to the whole answer. */
  readonly ms: number
  /** Of the process alone, and not of those that it started. */
  readonly cpuMs: number
  readonly answer: unknown
  /** Tells it to end, and waits until it has. */
  stop(): Promise<void>
}

const againMs = 4

const ask = ({ port, token }: LaunchOptions): Promise<string> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
    const asked = request({ host: '127.0.0.1', port, path: '/graphql', method: 'POST', headers }, (response) => {
      let text = ''
      response
        .setEncoding('utf8')
        .on('data', (chunk: string) => {
          text += chunk
        })
        .on('end', () => resolve(text))
        .on('error', reject)
    })
    asked.on('error', reject).end(JSON.stringify({ query: firstQuery }))
  })

const isNotThere = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'

/** Starts a server and asks it until it answers. @throws Error with its last words when it ends before */
export const launch = async (options: LaunchOptions): Promise<Launched> => {
  const begun = performance.now()
  const child = spawn(process.execPath, options.argv, {
    // What this process keeps of what it has compiled is not theirs.
    env: { PATH: process.env.PATH, ...options.environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = once(child, 'exit')
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-4_000)
  })
  const stop = async () => {
    child.kill('SIGTERM')
    await exited
  }
  while (child.exitCode === null && child.signalCode === null) {
    try {
      const answer: unknown = JSON.parse(await ask(options))
      return { ms: performance.now() - begun, cpuMs: cpuMsOfProcess(child.pid ?? 0), answer, stop }
    } catch (error) {
      if (!isNotThere(error)) {
        await stop()
        throw error
      }
      await delay(againMs)
    }
  }
  throw new Error(`The server ended (${child.exitCode ?? child.signalCode}) before it answered: ${words}`)
}
