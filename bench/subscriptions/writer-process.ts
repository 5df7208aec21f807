import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { readConfig } from '../../src/config.ts'
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

/** The broadcast has a log of its own, so that the product has nothing to do with what it is told of. */
const broadcastLog = 'bench_event'

await runChild(async ({ env }: { readonly env: Readonly<Record<string, string>> }) => {
  const config = readConfig({ PATH: process.env.PATH, ...env })
  const running = await start(config, { api: false, pools: {}, rehearsal: true, migrate: false })
  const { services } = running.context
  const pool = new pg.Pool({ connectionString: env.DATABASE_URL, max: 10 })
  await pool.query(`create table if not exists ${broadcastLog} (like event including all)`)
  // Both sides' events are written alike: what is compared is what becomes of them then.
  const writeTo =
    (table: string, tell: (project: number, message: string) => unknown): Write =>
    async (sequence, project, note) => {
      const at = new Date()
      const body = { type: 'CheckpointReached', runId: rowId('run'), label: 'bench', sequence }
      const { rows } = await pool.query({
        name: table,
        text: `insert into ${table} (at, project_id, body) values ($1, $2, $3) returning xid::text || '-' || id as cursor`,
        values: [at, rowId(`project-${project}`), body],
      })
      note()
      await tell(project, messageOf({ cursor: rows[0].cursor, at: at.toISOString(), project, sequence }))
    }
  const asProduct = writeTo('event', () => services.wake.events())
  const byHand = writeTo(broadcastLog, (project, message) => {
    const payload = `${madeId('Project', `project-${project}`)} ${message}`
    return pool.query({ name: 'notify', text: `select pg_notify('${channel}', $1)`, values: [payload] })
  })
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
