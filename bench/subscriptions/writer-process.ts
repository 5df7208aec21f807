import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { readConfig } from '../../src/config.ts'
import { transact } from '../../src/domain/shared/transact.ts'
import { start } from '../../src/start.ts'
import { runChild } from '../harness/child.ts'
import { madeId, rowId } from '../harness/rows.ts'
import { channel } from './channel.ts'
import { messageOf, sharedNow } from './protocol.ts'

/** How a burst of events is written: each in a transaction of its own, to the projects in turns. */
export interface Burst {
  /** The number of the first one. */
  readonly from: number
  readonly count: number
  readonly perSecond: number
  readonly projects: number
}

/** Writes one event. @param note is called when it is committed, before anybody is told */
type Write = (sequence: number, project: number, note: () => void) => Promise<void>

/** @returns when each was committed, in milliseconds on the machine's clock */
const burst = async ({ from, count, perSecond, projects }: Burst, write: Write): Promise<readonly number[]> => {
  const begun = sharedNow()
  const committedAt: number[] = []
  const writing: Promise<void>[] = []
  for (let index = 0; index < count; index++) {
    const early = begun + (index * 1_000) / perSecond - sharedNow()
    if (early > 1) await delay(early)
    const note = () => {
      committedAt[index] = sharedNow()
    }
    writing.push(write(from + index, 1 + ((from + index) % projects), note))
  }
  await Promise.all(writing)
  return committedAt
}

await runChild(async ({ env }: { readonly env: Readonly<Record<string, string>> }) => {
  const config = readConfig({ PATH: process.env.PATH, ...env })
  const running = await start(config, { api: false, pools: {}, rehearsal: true, migrate: false })
  const { services } = running.context
  const asProduct: Write = (sequence, project, note) => {
    const events = () => {
      note()
      services.wake.events()
    }
    const runId = rowId('run')
    return transact({ ...services, wake: { ...services.wake, events } }, async (tx) => {
      tx.emit(
        { projectId: rowId(`project-${project}`) },
        { type: 'CheckpointReached', runId, label: 'bench', sequence },
      )
    })
  }
  const pool = new pg.Pool({ connectionString: env.DATABASE_URL, max: 10 })
  const byHand: Write = async (sequence, project, note) => {
    const at = new Date()
    const body = { type: 'CheckpointReached', runId: rowId('run'), label: 'bench', sequence }
    const { rows } = await pool.query({
      name: 'event',
      text: `insert into event (at, project_id, body) values ($1, $2, $3) returning xid::text || '-' || id as cursor`,
      values: [at, rowId(`project-${project}`), body],
    })
    note()
    const message = messageOf({ cursor: rows[0].cursor, at: at.toISOString(), project, sequence })
    const payload = `${madeId('Project', `project-${project}`)} ${message}`
    await pool.query({ name: 'notify', text: `select pg_notify('${channel}', $1)`, values: [payload] })
  }
  return {
    ready: null,
    answers: {
      asProduct: (asked: Burst) => burst(asked, asProduct),
      byHand: (asked: Burst) => burst(asked, byHand),
    },
    async close() {
      await pool.end()
      await running.close()
    },
  }
})
