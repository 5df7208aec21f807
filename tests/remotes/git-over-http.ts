/** A real git server over HTTP on loopback: node in front of `git http-backend`, which asks for a password. */

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const identity = {
  GIT_AUTHOR_NAME: 'Somebody',
  GIT_AUTHOR_EMAIL: 'somebody@example.com',
  GIT_COMMITTER_NAME: 'Somebody',
  GIT_COMMITTER_EMAIL: 'somebody@example.com',
}

/** A bare repository that others clone and push to. */
export interface RemoteRepository extends AsyncDisposable {
  readonly root: string
  readonly directory: string
  git(...args: string[]): Promise<string>
  /** A commit on a branch, made by somebody else. @returns its id */
  commit(branch?: string, words?: string): Promise<string>
  head(branch?: string): Promise<string>
}

/** With one commit on main, the default branch. */
export async function createRemoteRepository(): Promise<RemoteRepository> {
  const root = await mkdtemp(join(tmpdir(), 'countersign-remote-'))
  const directory = join(root, 'team', 'project.git')
  await mkdir(directory, { recursive: true })
  const env = { PATH: process.env.PATH, HOME: root, GIT_CONFIG_NOSYSTEM: '1', ...identity }
  const git = async (...args: string[]) => (await run('git', ['--git-dir', directory, ...args], { env })).stdout.trim()
  await run('git', ['init', '-q', '--bare', '-b', 'main', directory], { env })
  await git('config', 'http.receivepack', 'true')
  const head = (branch = 'main') => git('rev-parse', `refs/heads/${branch}`)
  const tree = (await gitWithInput(env, directory, ['mktree'], '')).trim()
  await git('update-ref', 'refs/heads/main', await git('commit-tree', '-m', 'first', tree))
  return {
    root,
    directory,
    git,
    head,
    async commit(branch = 'main', words = 'theirs') {
      const oid = await git('commit-tree', '-p', branch, '-m', words, `${branch}^{tree}`)
      await git('update-ref', `refs/heads/${branch}`, oid)
      return oid
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  }
}

async function gitWithInput(env: NodeJS.ProcessEnv, directory: string, args: string[], input: string) {
  const pending = run('git', ['--git-dir', directory, ...args], { env })
  pending.child.stdin?.end(input)
  return (await pending).stdout
}

export interface GitServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** The authorization header of each request, oldest first. */
  readonly authorizations: (string | undefined)[]
  /** Answers instead of git while it is set. */
  answer: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
  /** Takes no connections until `open`. */
  close(): Promise<void>
  open(): Promise<void>
}

/** @param password what requests must carry, as user:password; null for a server that is open to all */
export async function serveGit(repository: RemoteRepository, password: string | null): Promise<GitServer> {
  const authorizations: (string | undefined)[] = []
  const sockets = new Set<Socket>()
  const expected = password === null ? null : `Basic ${Buffer.from(password).toString('base64')}`
  const server = createServer((request, response) => {
    authorizations.push(request.headers.authorization)
    if (served.answer) {
      served.answer(request, response)
      return
    }
    if (expected !== null && request.headers.authorization !== expected) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"', 'content-type': 'text/plain' })
      response.end(`Not this: ${request.headers.authorization ?? 'nothing'}\n`)
      return
    }
    serveByCgi(repository.root, request, response)
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as { port: number }).port
  }
  const port = await listen(0)
  const close = async () => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  const served: GitServer = {
    url: `http://127.0.0.1:${port}/team/project.git`,
    port,
    authorizations,
    answer: undefined,
    close,
    async open() {
      await listen(port)
    },
    async [Symbol.asyncDispose]() {
      if (server.listening) await close()
    },
  }
  return served
}

/** The Common Gateway Interface, as far as `git http-backend` needs it. */
function serveByCgi(root: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      REMOTE_USER: 'somebody',
      REQUEST_METHOD: request.method,
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      ...(request.headers['content-length'] ? { CONTENT_LENGTH: request.headers['content-length'] } : {}),
      ...(request.headers['content-encoding'] ? { HTTP_CONTENT_ENCODING: request.headers['content-encoding'] } : {}),
      ...(request.headers['git-protocol'] ? { GIT_PROTOCOL: String(request.headers['git-protocol']) } : {}),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  // A client that goes away early closes the pipe.
  child.stdin.on('error', () => request.unpipe(child.stdin))
  request.pipe(child.stdin)
  let head = Buffer.alloc(0)
  let begun = false
  child.stdout.on('data', (chunk: Buffer) => {
    if (begun) {
      response.write(chunk)
      return
    }
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    begun = true
    for (const line of head.subarray(0, end).toString('latin1').split('\r\n')) {
      const [name = '', ...value] = line.split(': ')
      if (name === 'Status') response.statusCode = Number.parseInt(value[0] ?? '200', 10)
      else response.setHeader(name, value.join(': '))
    }
    response.write(head.subarray(end + 4))
  })
  child.on('close', () => response.end())
}
