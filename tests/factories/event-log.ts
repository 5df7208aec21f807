import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { createOrm, type Orm } from '../../src/adapters/db/orm.ts'
import { createEventFeed } from '../../src/adapters/events/event-feed.ts'
import type { EventRow } from '../../src/domain/event/event.entity.ts'
import type { EventFilter } from '../../src/domain/event/read-events.ts'
import type { EventFeed } from '../../src/domain/ports/event-feed.ts'
import type { Logger } from '../../src/domain/shared/services.ts'
import { createTestDatabase } from '../support/database.ts'

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

export const everything: EventFilter = { projectIds: null }
export const theBeginning = { xid: '0', id: '0' }

export interface TestLog extends AsyncDisposable {
  readonly orm: Orm
  readonly projectId: string
  /** Another connection to the database. */
  connect(): Promise<pg.Client>
  feed(maxInbox?: number): Promise<EventFeed>
}

/** An event log in a database of its own. */
export const testLog = async (): Promise<TestLog> => {
  await using stack = new AsyncDisposableStack()
  const database = stack.use(await createTestDatabase())
  const orm = await createOrm(database.url)
  stack.defer(() => orm.close())
  const owned = stack.move()
  return {
    orm,
    projectId: randomUUID(),
    async connect() {
      const client = new pg.Client(database.url)
      await client.connect()
      owned.defer(() => client.end())
      return client
    },
    async feed(maxInbox) {
      return owned.use(await createEventFeed(() => orm.em.fork(), silent, maxInbox))
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Writes one event with a number that the test knows it by. @returns its id */
export const write = async (client: pg.Client, { projectId }: TestLog, number: number): Promise<string> => {
  const { rows } = await client.query(
    `insert into event (at, project_id, body) values (now(), $1, $2) returning id::text`,
    [projectId, { type: 'CheckpointReached', runId: projectId, label: 'test', sequence: number }],
  )
  return rows[0].id
}

export const numberOf = (event: EventRow | undefined): number =>
  event?.body.type === 'CheckpointReached' ? event.body.sequence : -1

/** The next so many events' numbers. */
export const take = async (events: AsyncIterator<EventRow>, count: number): Promise<number[]> => {
  const numbers: number[] = []
  while (numbers.length < count) {
    const { value, done } = await events.next()
    if (done) throw new Error(`The events ended after ${numbers.length} of ${count}.`)
    numbers.push(numberOf(value))
  }
  return numbers
}
