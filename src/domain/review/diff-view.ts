import type { EntityManager } from '@mikro-orm/postgresql'
import { sql } from 'kysely'
import { rows } from '../shared/database.ts'
import type { Transaction } from '../shared/transact.ts'
import { DiffView } from './diff-view.entity.ts'

/** Remembers that a person has this diff before them now. */
export const noteDiffView = async (tx: Transaction, diffId: string, actorId: string): Promise<void> => {
  await tx.em.upsert(
    DiffView,
    { diffId, actorId, seenAt: tx.now },
    { onConflictFields: ['diffId', 'actorId'], onConflictAction: 'merge' },
  )
}

/**
 * For each diff the result tree of the latest of its earlier iterations that the person has seen; null where they have
 * seen none. One query for any number of diffs.
 */
export const lastSeenTrees = async (
  em: EntityManager,
  actorId: string,
  diffIds: readonly string[],
): Promise<readonly (string | null)[]> => {
  const found = await sql<{ id: string; tree: string }>`
    with recursive earlier(id, of, steps) as (
      select supersedes_id, id, 1 from diff where id = any(${[...diffIds]}::uuid[]) and supersedes_id is not null
      union all
      select diff.supersedes_id, earlier.of, earlier.steps + 1
      from earlier join diff on diff.id = earlier.id where diff.supersedes_id is not null
    )
    select distinct on (earlier.of) earlier.of::text as id, diff.result_tree as tree
    from earlier join diff on diff.id = earlier.id
      join diff_view on diff_view.diff_id = diff.id and diff_view.actor_id = ${actorId}
    order by earlier.of, earlier.steps`.execute(rows(em))
  const trees = new Map(found.rows.map(({ id, tree }) => [id, tree]))
  return diffIds.map((id) => trees.get(id) ?? null)
}
