import type { ServerResponse } from 'node:http'
import type { Plugin } from 'graphql-yoga'
import type { GraphQLContext } from '../schema/context.ts'
import { refusalError } from './client-errors.ts'
import type { ServerContext } from './plugins.ts'
import type { Quota } from './quota.ts'
import type { Refusal } from './respond.ts'

/** Tells of responses that go on until their subscription ends. */
export const noteStreams = (note: (response: ServerResponse) => void): Plugin<object, ServerContext> => ({
  onResponse({ response, serverContext: { res } }) {
    if (res && /^(text\/event-stream|multipart\/mixed)/.test(response.headers.get('content-type') ?? '')) note(res)
  },
})

export const tooManyConnections = (max: number): Refusal => ({
  status: 429,
  code: 'TOO_MANY_CONNECTIONS',
  message: `This token has ${max} connections here, which is what one may have.`,
  headers: { 'retry-after': '5' },
})

/** Counts each subscription over HTTP with the WebSockets of its token: it keeps a connection as they do. */
export const countStreams = (
  connections: Quota<string>,
  maxPerToken: number,
): Plugin<GraphQLContext & Pick<ServerContext, 'res'>> => ({
  onSubscribe({ args, setResultAndStopExecution }) {
    const { viewer, res } = args.contextValue
    // On a WebSocket there is no response.
    if (!res) return
    const leave = connections.take(viewer.tokenId)
    if (!leave) setResultAndStopExecution({ errors: [refusalError(tooManyConnections(maxPerToken))] })
    else if (res.destroyed) leave()
    else res.once('close', leave)
  },
})
