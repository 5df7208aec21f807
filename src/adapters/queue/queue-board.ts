import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, extname, join, relative } from 'node:path'
import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { HonoAdapter } from '@bull-board/hono'
import { Hono } from 'hono'

/** A page for people that shows the queues' jobs. It changes nothing, and does not ask who is there. */
export interface QueueBoard {
  answer(request: Request): Promise<Response>
}

export interface QueueBoardOptions {
  /** BullMQ's own, of whichever backend. */
  readonly queues: readonly object[]
  /** Answers when the backend answers. */
  ping(): Promise<void>
  readonly basePath: string
}

const limitMs = 10_000
const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}

/** The page's own files, by the path at which they are asked for: there are no others. */
const readAssets = async (directory: string): Promise<ReadonlyMap<string, string>> => {
  const found = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = found.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  return new Map(files.map((file) => [relative(directory, file), file]))
}

const problem = (status: 503 | 504, message: string): Response => Response.json({ error: message }, { status })

/** Opens bull-board over queues of either backend. */
export const createQueueBoard = async ({ queues, ping, basePath }: QueueBoardOptions): Promise<QueueBoard> => {
  // It is a dependency of theirs, and not of ours.
  const theirs = createRequire(createRequire(import.meta.url).resolve('@bull-board/api'))
  const uiBasePath = dirname(theirs.resolve('@bull-board/ui/package.json'))
  const assets = await readAssets(join(uiBasePath, 'dist', 'static'))
  const adapter = new HonoAdapter(() => async (_context: unknown, next: () => Promise<void>) => next())
  adapter.setBasePath(basePath)
  createBullBoard({
    // A job is a hint: what is to be done is asked for again by what the rows say. To retry or remove one would change
    // nothing that lasts, and to pause or empty a queue would keep everybody's work from being done.
    queues: queues.map((queue) => new BullMQAdapter(queue as never, { readOnlyMode: true })),
    serverAdapter: adapter,
    options: {
      uiBasePath,
      uiConfig: {
        boardTitle: 'Countersign',
        hideDocsLink: true,
        // They are counted by names of connections, which those that share one pool do not have: none would be found.
        showWorkers: false,
        miscLinks: [{ text: 'Sign out', url: `${basePath}/sign-out` }],
      },
    },
  })
  const board = new Hono().route(basePath, adapter.registerPlugin())

  const asset = async (name: string): Promise<Response> => {
    const file = assets.get(name)
    if (file === undefined) return new Response('There is no such file.\n', { status: 404 })
    const type = contentTypes[extname(file)] ?? 'application/octet-stream'
    return new Response(await readFile(file), { headers: { 'content-type': type } })
  }
  const inTime = async (answer: Promise<Response>): Promise<Response> => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<Response>((resolve) => {
      const words = `The queues did not answer within ${limitMs / 1_000} seconds.`
      timer = setTimeout(() => resolve(problem(504, words)), limitMs)
    })
    try {
      return await Promise.race([answer, late])
    } finally {
      clearTimeout(timer)
    }
  }
  const ask = async (request: Request): Promise<Response> => {
    try {
      // What is gone would keep each of the board's questions waiting until it is back.
      await ping()
    } catch {
      return problem(503, 'The queues do not answer: the component queue of health says why.')
    }
    return board.fetch(request)
  }
  return {
    async answer(request) {
      const path = new URL(request.url).pathname
      const inStatic = `${basePath}/static/`
      if (path.startsWith(inStatic)) return asset(path.slice(inStatic.length))
      return path.startsWith(`${basePath}/api/`) ? inTime(ask(request)) : board.fetch(request)
    },
  }
}
