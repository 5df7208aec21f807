import type { Buffer } from 'node:buffer'
import { type IncomingMessage, request } from 'node:http'
import type { Duplex } from 'node:stream'
import { SandboxUnavailableError } from '../../domain/errors.ts'

/** Where the engine of a Linux machine listens when nobody says otherwise. */
export const DEFAULT_ENGINE = 'unix:///var/run/docker.sock'

/** What the engine answered to one request. */
export interface EngineAnswer {
  readonly status: number
  /** Parsed JSON; an empty object when there was no body. */
  // biome-ignore lint/suspicious/noExplicitAny: each caller knows what it asked for
  readonly body: any
}

/** The engine's HTTP interface over its local socket, as far as the sandbox needs it. */
export interface DockerEngine {
  readonly socketPath: string
  /** @throws SandboxUnavailableError when the engine cannot be reached or does not answer in time */
  ask(method: 'GET' | 'POST' | 'DELETE', path: string, options?: AskOptions): Promise<EngineAnswer>
  /** The same, where anything but success is a fault of the sandbox. @throws SandboxUnavailableError */
  must(method: 'GET' | 'POST' | 'DELETE', path: string, options?: AskOptions): Promise<EngineAnswer['body']>
  /**
   * Asks for a connection that carries a command's input and output.
   * @throws SandboxUnavailableError
   */
  attach(path: string, body: object): Promise<{ readonly stream: Duplex; readonly first: Buffer }>
}

interface AskOptions {
  readonly query?: Readonly<Record<string, string>>
  readonly body?: object
  readonly timeoutMs?: number
}

const ANSWER_MS = 30_000
/** No answer that is asked for here is near this size. */
const LONGEST_ANSWER = 16 * 1024 * 1024

/** The socket of an engine on this machine; null for one elsewhere, which could not see a workspace. */
export function enginePath(host: string): string | null {
  const path = /^unix:\/\/(\/.+)$/.exec(host)?.[1]
  return path ?? null
}

export function createDockerEngine(socketPath: string): DockerEngine {
  const open = (method: string, path: string, { query, body, timeoutMs }: AskOptions, upgrade: boolean) => {
    const asked = request({
      socketPath,
      method,
      path: query === undefined ? path : `${path}?${new URLSearchParams(query)}`,
      // No connection is kept: the engine may be restarted at any time.
      agent: false,
      timeout: timeoutMs ?? ANSWER_MS,
      headers: {
        host: 'docker',
        'content-type': 'application/json',
        ...(upgrade ? { connection: 'Upgrade', upgrade: 'tcp' } : {}),
      },
    })
    asked.on('timeout', () => asked.destroy(new Error('it did not answer in time')))
    asked.end(body === undefined ? undefined : JSON.stringify(body))
    return asked
  }
  const unreachable = (error: Error) =>
    new SandboxUnavailableError(`The Docker engine at ${socketPath} cannot be used: ${error.message}.`)

  const engine: DockerEngine = {
    socketPath,
    ask: (method, path, options = {}) =>
      new Promise((resolve, reject) => {
        const asked = open(method, path, options, false)
        asked.on('error', (error) => reject(unreachable(error)))
        asked.on('response', (response) => {
          readAnswer(response).then(resolve, (error: Error) => reject(unreachable(error)))
        })
      }),
    async must(method, path, options) {
      const { status, body } = await engine.ask(method, path, options)
      if (status < 400) return body
      throw new SandboxUnavailableError(`The Docker engine refused (${status}): ${faultOf(body)}`)
    },
    attach: (path, body) =>
      new Promise((resolve, reject) => {
        const asked = open('POST', path, { body }, true)
        asked.on('error', (error) => reject(unreachable(error)))
        asked.on('upgrade', (_response, stream, first) => {
          stream.setTimeout(0)
          resolve({ stream, first })
        })
        asked.on('response', (response) => {
          readAnswer(response).then(
            ({ status, body: answer }) =>
              reject(new SandboxUnavailableError(`The Docker engine refused (${status}): ${faultOf(answer)}`)),
            (error: Error) => reject(unreachable(error)),
          )
        })
      }),
  }
  return engine
}

/** The engine's own words, which may hold names from an image: one line, bounded. */
export function faultOf(body: unknown): string {
  const { message } = body as { readonly message?: unknown }
  return String(message ?? 'without a reason')
    .replaceAll(/\p{C}+/gu, ' ')
    .trim()
    .slice(0, 1_000)
}

async function readAnswer(response: IncomingMessage): Promise<EngineAnswer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > LONGEST_ANSWER) throw new Error('its answer is too long')
    chunks.push(chunk)
  }
  const text = chunks.map((chunk) => chunk.toString()).join('')
  return { status: response.statusCode ?? 500, body: text.trim() === '' ? {} : parse(text) }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return { message: text }
  }
}
