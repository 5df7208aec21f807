import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { type HostProcess, readProcess } from './host-processes.ts'

/** What bubblewrap says of the sandbox it made; the command has no way to this stream. */
export interface SandboxStatus {
  /** Resolves when the sandbox's first process is there; never, when none was made. */
  readonly begun: Promise<void>
  /** The sandbox's first process: with it, all others end. Null before there is one, or when it has ended at once. */
  init(): HostProcess | null
  /** As a shell gives it, 128 and the signal's number for a signal; null when the command was not started. */
  exitCode(): number | null
  readonly closed: Promise<unknown>
}

/** Reads `--json-status-fd`: one JSON document a line. */
export function followStatus(stream: Readable): SandboxStatus {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const closed = once(stream, 'close')
  let init: HostProcess | null = null
  let exitCode: number | null = null
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const { 'child-pid': pid, 'exit-code': code } = JSON.parse(line) as Record<string, number | undefined>
      if (code !== undefined) exitCode = code
      if (pid !== undefined) {
        init = readProcess(pid)
        begin()
      }
    }
  })
  return { begun, closed, init: () => init, exitCode: () => exitCode }
}

/** What the sandbox's first process says when it has done what comes before the command. */
export function followReadiness(stream: Readable): { readonly begun: Promise<void>; isReady(): boolean } {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  let isReady = false
  stream.once('data', () => {
    isReady = true
    begin()
  })
  stream.resume()
  return { begun, isReady: () => isReady }
}
