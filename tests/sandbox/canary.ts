import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

const NOBODY = 65_534

/** Things on the host that a sandboxed program must neither read nor reach, and that show when it did. */
export interface Canary extends AsyncDisposable {
  /** In each of the secrets, and nowhere else. */
  readonly secret: string
  /** What a program is told, so that it knows where to look. */
  readonly environment: Readonly<Record<string, string>>
  /** What has happened to the host's things; empty when nothing has. */
  faults(): Promise<readonly string[]>
}

/** @param dataDir a directory of the server's, in which a secret is put */
export async function setCanary(dataDir: string): Promise<Canary> {
  await using stack = new AsyncDisposableStack()
  const mark = randomBytes(8).toString('hex')
  const secret = `canary-${mark}`
  const home = await mkdtemp(join(homedir(), '.countersign-canary-'))
  stack.defer(() => rm(home, { recursive: true, force: true }))
  const paths = [join(home, 'key'), join(dataDir, 'key'), join(dataDir, `ws-${mark}`, 'neighbour', 'key')]
  for (const path of paths) {
    await mkdir(dirname(path), { recursive: true })
    // Readable and writable for all: it is the sandbox that must hold, not the mode.
    await writeFile(path, secret, { mode: 0o666 })
  }
  process.env.SANDBOX_TEST_CANARY = secret
  stack.defer(() => {
    delete process.env.SANDBOX_TEST_CANARY
  })
  const abstract = `countersign-${randomBytes(8).toString('hex')}`
  const socketPath = join(dataDir, 'socket')
  const visits: string[] = []
  const servers = [{ port: 0, host: '127.0.0.1' }, { path: `\0${abstract}` }, { path: socketPath }].map((place) => {
    const server = createServer((socket) => {
      visits.push(JSON.stringify(place))
      socket.on('error', () => {}).end(secret)
    }).listen(place)
    stack.defer(() => closed(server))
    return server
  })
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const users = process.getuid?.() === 0 ? [0, NOBODY] : [undefined]
  const bystanders = users.map((uid) => {
    const bystander = spawn('sleep', ['3600'], { stdio: 'ignore', ...(uid === undefined ? {} : { uid, gid: uid }) })
    stack.defer(() => ended(bystander))
    return bystander
  })
  const escaped = `/tmp/escaped-${mark}`
  stack.defer(() => rm(escaped, { force: true }))
  const address = servers[0]?.address()
  const owned = stack.move()
  return {
    secret,
    environment: {
      CANARY_PATHS: paths.join(':'),
      CANARY_PORT: String(typeof address === 'object' ? address?.port : ''),
      CANARY_ABSTRACT: abstract,
      CANARY_SOCKET: socketPath,
      CANARY_PIDS: bystanders.map(({ pid }) => pid).join(':'),
      CANARY_ESCAPED: escaped,
    },
    async faults() {
      const files = await Promise.all(
        paths.map(async (path) => ((await readFile(path, 'utf8')) === secret ? [] : [`${path} was changed`])),
      )
      return [
        ...files.flat(),
        ...visits.map((place) => `${place} was reached`),
        ...bystanders.flatMap((bystander) => (isUntouched(bystander) ? [] : [`${bystander.pid} was signalled`])),
        ...[escaped, '/var/tmp/owned', '/etc/owned'].flatMap((path) => (existsSync(path) ? [`${path} was made`] : [])),
      ]
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The host's processes that have a mark in their arguments or in their environment. */
export function processesWith(mark: string): readonly string[] {
  const holds = (pid: string, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'latin1').includes(mark)
    } catch {
      // It ended between the listing and the look.
      return false
    }
  }
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && (holds(pid, 'cmdline') || holds(pid, 'environ')))
}

function isUntouched({ pid, exitCode, signalCode }: ChildProcess): boolean {
  if (exitCode !== null || signalCode !== null) return false
  const state = /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return state === 'S'
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

async function closed(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}
