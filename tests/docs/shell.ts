import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { inject } from 'vitest'
import { main } from '../support/command.ts'
import { createTestDatabase } from '../support/database.ts'
import { testSandbox } from '../support/sandbox.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { root } from './pages.ts'

/** What came of a script: its exit code, and what it wrote to stdout and stderr. */
export interface Outcome {
  readonly code: number | null
  readonly output: string
}

export interface Shell extends AsyncDisposable {
  readonly url: string
  readonly token: string
  readonly directory: string
  /** Runs a script as somebody would type it who has cloned the project and started the server there. */
  run(script: string): Promise<Outcome>
  /** Starts one, and leaves it to the caller. */
  launch(script: string): ChildProcess & { readonly stdout: Readable }
  /** The same for a command that goes on until it is told to end: it is, once it has said something. */
  runUntilReady(command: string): Promise<Outcome>
}

// What a clone has, of what the commands need. Files are copied that a command packs, or writes beside.
const linked = ['node_modules', 'src', 'scripts', 'tests', 'migrations', 'templates', 'prices.json', 'package.json']
const copied = ['.env.example', 'README.md']

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address ? address.port : 0
}

/** What a command has left running when it ended, or was given up. */
const endGroup = ({ pid }: ChildProcess): void => {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const outcomeOf = async (child: ChildProcess): Promise<Outcome> => {
  let output = ''
  const note = (text: string) => {
    output += text
  }
  child.stdout?.setEncoding('utf8').on('data', note)
  child.stderr?.setEncoding('utf8').on('data', note)
  const [code] = await once(child, 'close')
  return { code, output }
}

/** A directory like a clone, with `npm start` running in it. */
export const openShell = async (): Promise<Shell> => {
  await using stack = new AsyncDisposableStack()
  const database = stack.use(await createTestDatabase())
  const { path: directory } = stack.use(await temporaryDirectory(inject('files')))
  await Promise.all(linked.map((name) => symlink(join(root, name), join(directory, name))))
  await Promise.all(copied.map((name) => copyFile(join(root, name), join(directory, name))))
  const programs = join(directory, 'programs')
  await mkdir(programs)
  await writeFile(join(programs, 'countersign'), `#!/bin/sh\nexec node '${main()}' "$@"\n`)
  await chmod(join(programs, 'countersign'), 0o755)

  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const env = {
    PATH: `${programs}:${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
    HOME: directory,
    PORT: String(port),
    DATABASE_URL: database.url,
    SANDBOX: testSandbox().driver,
    LOG_LEVEL: 'fatal',
    DRAIN_SECONDS: '0',
    // Every command is a process of its own, and most of its work is to load the program.
    NODE_COMPILE_CACHE: join(directory, 'compiled'),
    // The dependencies are there: what npm would do before is looked at in tests/bootstrap.
    npm_config_ignore_scripts: 'true',
    npm_config_loglevel: 'silent',
  }
  const children: ChildProcess[] = []
  stack.defer(() => children.forEach(endGroup))
  const start = (script: string, more: Record<string, string> = {}) => {
    const child = spawn('bash', ['-c', script], {
      cwd: directory,
      env: { ...env, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    children.push(child)
    return child
  }
  const ended = async (child: ChildProcess, outcome: Promise<Outcome>) => {
    child.kill('SIGTERM')
    return outcome
  }

  const server = start('exec npm start')
  const served = outcomeOf(server)
  stack.defer(async () => {
    await ended(server, served)
  })
  await Promise.race([
    untilReady(url),
    served.then(({ output }) => Promise.reject(new Error(`npm start has ended:\n${output}`))),
  ])
  const token = (await readFile(join(directory, '.countersign/admin-token'), 'utf8')).trim()
  await writeFile(join(directory, 'token'), token)

  const owned = stack.move()
  return {
    url,
    token,
    directory,
    run: (script) => outcomeOf(start(script)),
    launch: (script) => start(script),
    async runUntilReady(command) {
      const child = start(`exec ${command}`, { PORT: '0' })
      const outcome = outcomeOf(child)
      await Promise.race([once(child.stdout ?? child, 'data'), outcome])
      return ended(child, outcome)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const untilReady = async (url: string): Promise<void> => {
  while (!(await fetch(`${url}/healthz`).catch(() => null))?.ok) await delay(100)
}

export interface BreakableWire extends AsyncDisposable {
  /** Of the server behind it, for a WebSocket. */
  readonly url: string
  /** Breaks every connection that there is; new ones can be made. */
  cut(): void
}

/** What lies between a client and a server, and can be cut. */
export const breakableWire = async (url: string): Promise<BreakableWire> => {
  const { hostname, port } = new URL(url)
  const ends = new Set<Socket>()
  const cut = () => {
    for (const end of ends) end.destroy()
    ends.clear()
  }
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    for (const end of [near, far]) ends.add(end.on('error', () => end.destroy()))
    near.pipe(far).pipe(near)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    url: `ws://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    cut,
    async [Symbol.asyncDispose]() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
