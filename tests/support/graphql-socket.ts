import { once } from 'node:events'
import WebSocket from 'ws'

export interface GraphQLSocket extends AsyncDisposable {
  /** The first thing said about an operation: the payload of its first result, or its errors. */
  first(query: string, variables?: object): Promise<unknown>
  /** Settles with the code and reason with which the server closed the connection. */
  readonly closed: Promise<{ code: number; reason: string }>
  readonly socket: WebSocket
}

/** A bare connection that speaks graphql-transport-ws, before anything was said on it. */
export const connectSocket = async (url: string): Promise<GraphQLSocket> => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  const closed = once(socket, 'close').then(([code, reason]) => ({ code: Number(code), reason: String(reason) }))
  await once(socket, 'open')
  let operations = 0
  return {
    socket,
    closed,
    first(query, variables = {}) {
      const id = String(++operations)
      const answered = new Promise<unknown>((resolve, reject) => {
        const read = (data: WebSocket.RawData) => {
          const message = JSON.parse(String(data))
          if (message.id !== id) return
          socket.off('message', read)
          if (message.type === 'next') socket.send(JSON.stringify({ id, type: 'complete' }))
          resolve(message.payload)
        }
        socket.on('message', read)
        closed.then(({ code, reason }) => reject(new Error(`closed with ${code} ${reason}`)))
      })
      socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query, variables } }))
      return answered
    },
    async [Symbol.asyncDispose]() {
      socket.close()
      await closed
    },
  }
}

/** Tells the server who is there; with null, nothing. */
export const initiate = (socket: GraphQLSocket, token: string | null): void => {
  const payload = token === null ? {} : { payload: { authorization: `Bearer ${token}` } }
  socket.socket.send(JSON.stringify({ type: 'connection_init', ...payload }))
}

/** A connection on which operations can be sent. @throws Error when the server closes it */
export const openSocket = async (url: string, token: string): Promise<GraphQLSocket> => {
  const connected = await connectSocket(url)
  const acknowledged = once(connected.socket, 'message')
  initiate(connected, token)
  const refused = connected.closed.then(({ code, reason }) => {
    throw new Error(`The server closed the connection with ${code} ${reason}.`)
  })
  refused.catch(() => undefined)
  await Promise.race([acknowledged, refused])
  return connected
}
