import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type Cut = 'before the server hears of it' | 'before its answer is heard'

/** Stands before a database server, and can lose a connection at the very moment of a commit or rollback. */
export interface CuttingProxy extends AsyncDisposable {
  /** The URL that it was made for, by way of the proxy. */
  readonly url: string
  /**
   * At the next commit or rollback, whoever sends it.
   * @param isDown also every later connection
   * @param refused told of each of those
   */
  cut(moment: Cut, isDown: boolean, refused?: () => void): void
}

/** @param connecting done before each connection is made */
export const startCuttingProxy = async (
  target: string,
  connecting: () => Promise<void> = async () => {},
): Promise<CuttingProxy> => {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let next: { readonly moment: Cut; readonly isDown: boolean; readonly refused: () => void } | null = null
  let refuse: (() => void) | null = null
  const accept = (client: Socket): void => {
    if (refuse !== null) {
      client.destroy()
      refuse()
      return
    }
    const upstream = connect(Number(port), hostname)
    let isCut = false
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', end).on('close', () => {
        sockets.delete(socket)
        end()
      })
    }
    client.on('data', (data) => {
      if (next !== null && (data.includes('commit\0') || data.includes('rollback\0'))) {
        isCut = true
        if (next.isDown) refuse = next.refused
        const { moment } = next
        next = null
        if (moment === 'before the server hears of it') return end()
      }
      upstream.write(data)
    })
    upstream.on('data', (data) => {
      if (isCut) end()
      else client.write(data)
    })
  }
  const server = createServer((client) => {
    connecting().then(
      () => accept(client),
      (error: Error) => client.destroy(error),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    cut(moment, isDown, refused = () => {}) {
      next = { moment, isDown, refused }
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
