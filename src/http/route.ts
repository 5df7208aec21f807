import type { IncomingMessage, ServerResponse } from 'node:http'

/** What answers the requests for some paths. */
export interface Route {
  /** What is asked for there, in a log line. */
  readonly name: string
  readonly answers: (path: string) => boolean
  readonly serve: (request: IncomingMessage, response: ServerResponse, path: string) => Promise<void>
}
