import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { type WebSocket, WebSocketServer } from 'ws'
import { runChild } from '../harness/child.ts'
import { channel } from './channel.ts'

/** Sends each message as it comes to every socket of its project, and does nothing else. */
await runChild(async ({ databaseUrl }: { readonly databaseUrl: string }) => {
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  const followers = new Map<string, Set<WebSocket>>()
  sockets.on('connection', (socket) => {
    socket.on('message', (data) => {
      const { type, payload } = JSON.parse(String(data))
      if (type === 'connection_init') socket.send('{"type":"connection_ack"}')
      if (type !== 'subscribe') return
      const ofProject = followers.get(payload.variables.project) ?? new Set()
      followers.set(payload.variables.project, ofProject.add(socket))
      socket.once('close', () => ofProject.delete(socket))
    })
  })
  const client = new pg.Client(databaseUrl)
  await client.connect()
  client.on('notification', ({ payload = '' }) => {
    const at = payload.indexOf(' ')
    const message = Buffer.from(payload.slice(at + 1))
    for (const socket of followers.get(payload.slice(0, at)) ?? []) socket.send(message, { binary: false })
  })
  await client.query(`listen ${channel}`)
  if (sockets.address() === null) await new Promise((resolve) => sockets.once('listening', resolve))
  return {
    ready: { url: `http://127.0.0.1:${(sockets.address() as AddressInfo).port}` },
    async close() {
      for (const socket of sockets.clients) socket.terminate()
      sockets.close()
      await client.end()
    },
  }
})
