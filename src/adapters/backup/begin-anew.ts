/** What a restored database must not go on with: numbers and places of the time that is undone. */

import type pg from 'pg'
import type { Sequence } from './catalog.ts'

/**
 * Between a backup and its restore the database lived on, and perhaps another restore before. Whatever was given out in
 * any of these lives is told apart by its number: the sequences go on from the time, in microseconds, which is larger
 * than any number of before.
 */
const continueSequences = async (client: pg.Client, sequences: readonly Sequence[]): Promise<string> => {
  const { rows } = await client.query<{ now: string }>(
    'select (extract(epoch from clock_timestamp()) * 1000000)::bigint::text as now',
  )
  const first = [rows[0]?.now ?? '0', ...sequences.map(({ last }) => last)].reduce((largest, number) =>
    BigInt(number) > BigInt(largest) ? number : largest,
  )
  for (const { name } of sequences) {
    await client.query('select setval(quote_ident($1)::regclass, $2::bigint)', [name, first])
  }
  return first
}

/** So many rows are changed in well under a second. */
const eventsAtOnce = 10_000

/** Gives all events the same transaction, a part of them at a time. */
export const moveEvents = async (client: pg.Client, xid: string, atOnce = eventsAtOnce): Promise<void> => {
  let last: string | null = '0'
  while (last !== null) {
    const { rows }: pg.QueryResult<{ last: string | null }> = await client.query(
      `with part as (select id from event where id > $1::bigint order by id limit $2),
         moved as (update event set xid = $3::text::xid8 from part where event.id = part.id)
       select max(id)::text as last from part`,
      [last, atOnce, xid],
    )
    last = rows[0]?.last ?? null
  }
}

/**
 * Events are ordered by transaction ids, which are the cluster's own: in a younger one nobody would see events of an
 * older one, and its own would come before them. All become events of one transaction of this restore, in the order of
 * their ids; new ones come after. Cursors of clients are refused from now on: what they have seen may have been undone.
 * A webhook goes on with the first event that it was not sent yet.
 */
const beginLog = async (client: pg.Client, firstId: string, xid: string): Promise<void> => {
  await client.query(
    `update webhook set cursor_xid = $1::text::xid8, cursor_id = coalesce(
       (select min(id) - 1 from event where project_id = webhook.project_id and (xid, id) > (cursor_xid, cursor_id)),
       (select max(id) from event), 0)`,
    [xid],
  )
  await moveEvents(client, xid)
  await client.query(
    'update event_horizon set xid = $1::text::xid8, event_id = 0, before = now(), first_id = $2::bigint',
    [xid, firstId],
  )
}

/**
 * When all rows are loaded. The tables are those of the version that made the backup: what a later migration changes in
 * them has to be told apart here.
 * @param xid of a transaction of this cluster that is over, in digits
 */
export const beginAnew = async (client: pg.Client, sequences: readonly Sequence[], xid: string): Promise<void> => {
  const first = await continueSequences(client, sequences)
  await beginLog(client, first, xid)
  // The queues have none of the jobs that the rows know of: under another name they are seen to have lost them.
  await client.query('update queue_memory set name = gen_random_uuid()')
}
