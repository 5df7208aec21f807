import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { WebSocketServer } from 'ws'
import { globalId } from '../../src/domain/shared/global-id.ts'
import { runChild } from '../harness/child.ts'

interface Row {
  readonly xid: string
  readonly id: string
  readonly at: Date
  readonly project_id: string
  readonly body: { readonly type: string; readonly diffId: string; readonly status: string }
}

// As many at a time as the product reads.
const batch = 500

const select = `select xid::text, id::text, at, project_id, body from event
  where (xid, id) > ($1::xid8, $2::bigint) and xid < pg_snapshot_xmin(pg_current_snapshot()) order by event.xid, event.id limit ${batch}`

/** Reads the log behind a place with the bare SQL; with sockets, sends each row as the message that the product sends. */
await runChild(async ({ databaseUrl }: { readonly databaseUrl: string }) => {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 })
  async function* readAfter(cursor: string) {
    let [xid, id] = cursor.split('-')
    for (;;) {
      const { rows } = await pool.query<Row>({ name: 'events', text: select, values: [xid, id] })
      yield rows
      const last = rows.at(-1)
      if (last === undefined || rows.length < batch) return
      ;({ xid, id } = last)
    }
  }
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  sockets.on('connection', (socket) => {
    const sendAfter = async (id: string, after: string) => {
      for await (const rows of readAfter(after)) {
        for (const row of rows) {
          const events = {
            __typename: row.body.type,
            cursor: `${row.xid}-${row.id}`,
            at: row.at.toISOString(),
            projectId: globalId('Project', row.project_id),
            status: row.body.status,
          }
          socket.send(JSON.stringify({ id, type: 'next', payload: { data: { events } } }))
        }
      }
    }
    socket.on('message', (data) => {
      const { id, type, payload } = JSON.parse(String(data))
      if (type === 'connection_init') socket.send('{"type":"connection_ack"}')
      if (type === 'subscribe') sendAfter(id, payload.variables.after).catch(() => socket.terminate())
    })
  })
  if (sockets.address() === null) await new Promise((resolve) => sockets.once('listening', resolve))
  return {
    ready: { url: `http://127.0.0.1:${(sockets.address() as AddressInfo).port}` },
    answers: {
      /** @returns how many rows there are behind the place */
      read: async (after: string) => {
        let count = 0
        for await (const rows of readAfter(after)) count += rows.length
        return count
      },
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate()
      sockets.close()
      await pool.end()
    },
  }
})
