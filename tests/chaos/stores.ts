import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import pg from 'pg'
import { databaseAccount } from '../../src/adapters/db/embedded-account.ts'
import { postgresBinaries } from '../../src/adapters/db/embedded-binaries.ts'
import { openCluster } from '../../src/adapters/db/embedded-cluster.ts'
import { databaseLocation } from '../../src/adapters/db/embedded-location.ts'
import { connectionString, defaultSystemDir, startEmbeddedPostgres } from '../../src/adapters/db/embedded-postgres.ts'
import { freePort, type RunningServer, ServerStartError, startServer } from '../../src/adapters/db/embedded-server.ts'
import { migrate } from '../../src/adapters/db/migrate.ts'

/** A store that can be ended and started again in the same place. */
export interface Store extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Ends it and starts it again. @returns how it was ended, in a word */
  restart(turn: number): Promise<string>
}

const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  lc_messages: 'C',
  timezone: 'UTC',
  log_line_prefix: '%m [%p] ',
  // What was committed must be there after any end, as in a deployment.
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
}

/**
 * A PostgreSQL of the run's own, migrated. It is shut down in turn fast, which ends all connections in order, and
 * immediately, after which it recovers from its log as after a crash.
 */
export const startDatabase = async (directory: string): Promise<Store> => {
  const dataDir = join(directory, 'database')
  // Makes cluster, role and database; then it is started by ourselves, on a port that stays.
  const first = await startEmbeddedPostgres({ dataDir, log: () => {} })
  await migrate(first.connectionString)
  await first.stop()
  const account = await databaseAccount(join(dataDir, 'postgres', 'data'))
  const location = await databaseLocation(dataDir, account, defaultSystemDir)
  const binaries = await postgresBinaries(account, defaultSystemDir)
  const cluster = await openCluster(location.directory, account, binaries, true)
  const port = await freePort()
  const url = connectionString('countersign', cluster.applicationPassword, port, 'countersign')

  const startOnce = () =>
    startServer({
      postgres: binaries.postgres,
      data: cluster.data,
      identity: cluster.identity,
      settings: { ...settings, port: String(port) },
      log: () => {},
    })
  const startUp = async (): Promise<RunningServer> => {
    for (let triesLeft = 50; ; triesLeft -= 1) {
      try {
        return await startOnce()
      } catch (error) {
        // Backends of the server before may still be leaving.
        if (!(error instanceof ServerStartError) || error.reason === 'other' || triesLeft === 0) throw error
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  }
  let server = await startUp()
  return {
    url,
    port,
    async restart(turn) {
      const isFast = turn % 2 === 0
      if (isFast) await server.stop()
      else {
        const [pid] = (await readFile(join(cluster.data, 'postmaster.pid'), 'utf8')).split('\n')
        process.kill(Number(pid), 'SIGQUIT')
        await server.ended
      }
      server = await startUp()
      return isFast ? 'fast' : 'immediate'
    },
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

/** The moment at which a database answers; it may be starting again just now. */
export const whenItAnswers = async <Result>(
  url: string,
  ask: (client: pg.Client) => Promise<Result>,
): Promise<Result> => {
  for (;;) {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {})
    try {
      await client.connect()
      return await ask(client)
    } catch (error) {
      const { code } = error as { code?: string }
      // A statement that is wrong stays wrong; all else passes.
      if (code !== undefined && /^(42|22|23)/.test(code)) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    } finally {
      client.end().catch(() => {})
    }
  }
}

// The shell says the server's id first, and ends it when the pipe from this process closes, however this process ends.
const supervisor = `
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
echo "$server"
# That the server was killed is no news.
exec 2>/dev/null
(read -r _ <&3; kill -9 "$server") >/dev/null &
watcher=$!
exec 3<&-
wait "$server"
kill "$watcher"
`

/** A Redis of the run's own with an append-only file. It is ended in turn in order, by a kill, and emptied before. */
export const startRedis = async (directory: string): Promise<Store> => {
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  const start = async (): Promise<{ readonly shell: ChildProcess; readonly pid: number }> => {
    const shell = spawn(
      '/bin/sh',
      [
        ...['-c', supervisor, 'sh', 'redis-server'],
        ...['--bind', '127.0.0.1', '--port', String(port), '--dir', directory, '--save', ''],
        ...['--maxmemory-policy', 'noeviction', '--appendonly', 'yes', '--appendfsync', 'everysec'],
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    )
    const lines: string[] = []
    for await (const line of createInterface({ input: shell.stdout })) {
      lines.push(line)
      if (line.includes('Ready to accept connections')) {
        shell.stdout.resume()
        return { shell, pid: Number(lines.find((said) => /^\d+$/.test(said))) }
      }
    }
    throw new Error(`redis-server did not start: ${lines.slice(-5).join(' | ')}`)
  }
  const end = async (signal: NodeJS.Signals) => {
    const exited = once(server.shell, 'exit')
    process.kill(server.pid, signal)
    server.shell.stdin?.end()
    await exited
  }
  let server = await start()
  return {
    url,
    port,
    async restart(turn) {
      const how = (['in order', 'kill', 'emptied'] as const)[turn % 3] ?? 'kill'
      if (how === 'emptied') {
        const client = new Redis(url, { lazyConnect: true })
        await client.connect()
        await client.flushall()
        client.disconnect()
      }
      await end(how === 'in order' ? 'SIGTERM' : 'SIGKILL')
      server = await start()
      return how
    },
    [Symbol.asyncDispose]: () => end('SIGTERM'),
  }
}
