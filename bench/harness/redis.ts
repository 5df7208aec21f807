import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { freePort } from '../../src/adapters/db/embedded-server.ts'
import { programOnPath } from './programs.ts'

// The shell ends the server when the pipe from this process closes, however this process ends.
const supervisor = '"$@" </dev/null & server=$!; read -r _; kill "$server"; wait "$server"'

/**
 * Starts redis-server on a free port of the loopback interface.
 * @param directory where it keeps its files
 * @param settings as on its command line
 * @returns null when there is none on PATH
 * @throws Error with its last words when it does not start
 */
export const startRedis = async (
  directory: string,
  settings: readonly string[],
): Promise<{ readonly url: string; readonly stop: () => Promise<void> } | null> => {
  if (programOnPath('redis-server') === null) return null
  for (let triesLeft = 5; ; triesLeft -= 1) {
    const port = await freePort()
    const command = ['redis-server', '--bind', '127.0.0.1', '--port', String(port), '--dir', directory, ...settings]
    const child = spawn('/bin/sh', ['-c', supervisor, 'sh', ...command], {
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const stop = async () => {
      if (child.exitCode !== null) return
      child.stdin.end()
      await once(child, 'exit')
    }
    const lines: string[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line)
      if (/Ready to accept connections|Address already in use|Failed listening/.test(line)) break
    }
    if (/Ready to accept connections/.test(lines.at(-1) ?? '')) {
      child.stdout.resume()
      return { url: `redis://127.0.0.1:${port}`, stop }
    }
    await stop()
    if (triesLeft === 0) throw new Error(`redis-server did not start: ${lines.slice(-5).join(' | ')}`)
  }
}
