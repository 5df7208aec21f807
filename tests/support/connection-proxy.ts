import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A connection that a proxy carries. */
export interface Carried {
  /** Ends it for both sides. */
  end(): void
}

export interface ConnectionProxyOptions {
  /** Done before each connection is taken. */
  readonly connecting?: () => Promise<void>
  /** Whether a connection is carried; one that is not is closed. All are, unless given. */
  readonly takes?: () => boolean
  /** Whether what a client sends is carried on, and the connection goes on. All is, unless given. */
  readonly passes?: (data: Buffer, connection: Carried) => boolean
  /** The same of what the server sends back. */
  readonly returns?: (connection: Carried) => boolean
}

/** Stands before a server, and can lose, hold or cut what goes to it. */
export interface ConnectionProxy extends AsyncDisposable {
  /** The URL that it was made for, by way of the proxy. */
  readonly url: string
  /** How many connections it carries. */
  connections(): number
  /** Carries nothing any more, as a machine that hangs: connections stay open. */
  pause(): void
  resume(): void
  /** Ends all connections that are open. */
  cut(): void
}

/** @param target the URL of the server */
export const startConnectionProxy = async (
  target: string,
  options: ConnectionProxyOptions = {},
): Promise<ConnectionProxy> => {
  const { connecting, takes = () => true, passes = () => true, returns = () => true } = options
  const { hostname, port } = new URL(target)
  const clients = new Set<Socket>()
  const sockets = new Set<Socket>()
  let isPaused = false
  const carry = (client: Socket): void => {
    if (!takes()) {
      client.destroy()
      return
    }
    const upstream = connect(Number(port), hostname)
    const connection: Carried = {
      end() {
        client.destroy()
        upstream.destroy()
      },
    }
    clients.add(client)
    client.once('close', () => clients.delete(client))
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', connection.end).once('close', () => {
        sockets.delete(socket)
        connection.end()
      })
    }
    client.on('data', (data) => {
      if (passes(data, connection)) upstream.write(data)
      else connection.end()
    })
    upstream.on('data', (data) => {
      if (returns(connection)) client.write(data)
      else connection.end()
    })
    if (isPaused) for (const socket of [client, upstream]) socket.pause()
  }
  const server = createServer((client) => {
    if (!connecting) return carry(client)
    connecting().then(
      () => carry(client),
      (error: Error) => client.destroy(error),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: url.href,
    connections: () => clients.size,
    pause() {
      isPaused = true
      for (const socket of sockets) socket.pause()
    },
    resume() {
      isPaused = false
      for (const socket of sockets) socket.resume()
    },
    cut,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
  }
}
