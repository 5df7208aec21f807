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

/**
 * Events are ordered by transaction ids, which are the cluster's own: in a younger one nobody would see events of an
 * older one, and its own would come before them. All become events of this transaction, in the order of their ids; new
 * ones come after. Cursors of clients are refused from now on: what they have seen may have been undone. A webhook goes
 * on with the first event that it was not sent yet.
 */
const beginLog = async (client: pg.Client, firstId: string): Promise<void> => {
  await client.query(
    `update webhook set cursor_xid = pg_current_xact_id(), cursor_id = coalesce(
       (select min(id) - 1 from event where project_id = webhook.project_id and (xid, id) > (cursor_xid, cursor_id)),
       (select max(id) from event), 0)`,
  )
  await client.query('update event set xid = pg_current_xact_id()')
  await client.query(
    'update event_horizon set xid = pg_current_xact_id(), event_id = 0, before = now(), first_id = $1::bigint',
    [firstId],
  )
}

/**
 * In the transaction that has put the rows there. The tables are those of the version that made the backup: what a later
 * migration changes in them has to be told apart here.
 */
export const beginAnew = async (client: pg.Client, sequences: readonly Sequence[]): Promise<void> => {
  const first = await continueSequences(client, sequences)
  await beginLog(client, first)
  // The queues have none of the jobs that the rows know of: under another name they are seen to have lost them.
  await client.query('update queue_memory set name = gen_random_uuid()')
}
