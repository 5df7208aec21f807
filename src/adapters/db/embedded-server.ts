import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { databaseEnvironment, holdsWithin, type Identity, processStart } from './embedded-process.ts'

/**
 * Runs the command it is given, until its own standard input ends: the other end is held by the server process, and
 * closes however that ends. It then asks PostgreSQL for a fast shutdown, again each second (a signal that comes before
 * PostgreSQL listens is lost), and after 30 of them for an immediate one.
 */
const supervisor = `
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
(
  exec >/dev/null 2>&1
  read -r _ <&3
  trap 'kill "$nap"; exit' TERM
  tries=0
  while [ "$tries" -lt 30 ]; do
    kill -INT "$server" || exit
    sleep 1 & nap=$!
    wait "$nap"
    tries=$((tries + 1))
  done
  kill -QUIT "$server"
) &
watcher=$!
exec 3<&-
wait "$server"
code=$?
kill "$watcher" 2>/dev/null
exit "$code"
`

export interface ServerCommand {
  readonly postgres: string
  readonly data: string
  readonly identity: Identity | null
  readonly settings: Readonly<Record<string, string>>
  readonly log: (line: string) => void
  readonly onSpawn?: (() => void) | undefined
}

export interface RunningServer {
  /** Settles when the server has ended, with its exit code, whoever ended it. */
  readonly ended: Promise<number | null>
  /** Shuts down without loss, and waits until the server is gone. */
  stop(): Promise<void>
}

/** Why a server did not start: worth another try (`port`, `lock`, `memory`), or not. */
export class ServerStartError extends Error {
  override readonly name = 'ServerStartError'
  readonly reason: 'port' | 'lock' | 'memory' | 'other'
  constructor(data: string, reason: ServerStartError['reason'], output: string) {
    super(`PostgreSQL did not start on ${data}: ${output}`)
    this.reason = reason
  }
}

const reasons: readonly (readonly [RegExp, ServerStartError['reason']])[] = [
  [/Address already in use|could not create any TCP\/IP sockets/, 'port'],
  [/lock file "postmaster\.pid" already exists|lock file "postmaster\.pid" is empty/, 'lock'],
  [/pre-existing shared memory block/, 'memory'],
]

/**
 * Starts PostgreSQL under a supervisor, in a process group of its own, and waits until it takes connections.
 * @throws ServerStartError with the last lines that PostgreSQL wrote
 */
export async function startServer(command: ServerCommand): Promise<RunningServer> {
  const settings = Object.entries(command.settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const child = spawn('/bin/sh', ['-c', supervisor, 'sh', command.postgres, '-D', command.data, ...settings], {
    ...(command.identity ?? {}),
    cwd: '/',
    env: databaseEnvironment,
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const started = once(child, 'spawn')
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  // A write to it is never made; when the supervisor is killed the pipe breaks, and `ended` tells.
  child.stdin.on('error', () => undefined)
  await started

  let postmaster = 0
  const tail: string[] = []
  const isReady = new Promise<void>((resolve) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      tail.push(line)
      if (tail.length > 20) tail.shift()
      command.log(line)
      if (/LOG: {2}starting PostgreSQL/.test(line)) postmaster = Number(/\[(\d+)\]/.exec(line)?.[1] ?? 0)
      if (line.includes('database system is ready to accept connections')) resolve()
    })
  })
  const failed = once(child, 'close').then(() => true)
  command.onSpawn?.()
  if (await Promise.race([isReady.then(() => false), failed])) {
    const output = tail.join('\n')
    throw new ServerStartError(command.data, reasons.find(([pattern]) => pattern.test(output))?.[1] ?? 'other', output)
  }

  const handles = [child, ...[child.stdin, child.stderr].filter((stream) => stream instanceof Socket)]
  // An open database alone keeps no process alive: when that ends, so does the database.
  for (const handle of handles) handle.unref()
  const stop = async () => {
    for (const handle of handles) handle.ref()
    child.stdin.end()
    await ended
    // Normally it is: the supervisor ends after it, unless that was killed.
    const isGone = async () => (await processStart(postmaster)) === null
    if (!(await holdsWithin(60_000, isGone))) throw new Error(`PostgreSQL (process ${postmaster}) does not stop.`)
  }
  let stopping: Promise<void> | undefined
  return { ended, stop: () => (stopping ??= stop()) }
}

/** A port of the loopback interface that was free just now. */
export async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  listener.close()
  await once(listener, 'close')
  if (address === null || typeof address === 'string') throw new Error('The system gave no port.')
  return address.port
}
