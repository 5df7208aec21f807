import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type Cut = 'before the server hears of it' | 'before its answer is heard'

/** Stands before a database server, and can lose a connection at the very moment of a commit. */
export interface CuttingProxy extends AsyncDisposable {
  /** The URL that it was made for, by way of the proxy. */
  readonly url: string
  /** At the next commit, whoever sends it. @param isDown also every later connection */
  cut(moment: Cut, isDown: boolean): void
}

export const startCuttingProxy = async (target: string): Promise<CuttingProxy> => {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let next: { readonly moment: Cut; readonly isDown: boolean } | null = null
  let refuses = false
  const server = createServer((client) => {
    if (refuses) return void client.destroy()
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
      if (next !== null && data.includes('commit\0')) {
        isCut = true
        refuses = next.isDown
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
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    cut(moment, isDown) {
      next = { moment, isDown }
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
