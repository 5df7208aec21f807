import type { EntityManager } from '@mikro-orm/postgresql'
import { sql } from 'kysely'
import type { DiffFile, DiffRow } from '../diff/diff.entity.ts'
import { canonicalHash } from '../shared/canonical-hash.ts'
import { rows } from '../shared/database.ts'

/** git names both contents in a file's patch, unless it only moves or changes its mode. */
const namesContents = /^index [0-9a-f]{40,64}\.\.[0-9a-f]{40,64}/m

/**
 * SHA-256 of what is read when a file of a diff is read: another content before or after, another name, mode or kind of
 * change is another text. A file that is only moved shows no content, so its mark holds for one base alone.
 */
export const readHash = (file: DiffFile, baseTree: string): string =>
  canonicalHash({
    kind: file.kind,
    previousPath: file.previousPath,
    patch: file.patch,
    on: namesContents.test(file.patch) ? null : baseTree,
  })

/** The first iteration of each diff's change, by the diff's id. One query for any number of diffs. */
export const changesOf = async (
  em: EntityManager,
  diffIds: readonly string[],
): Promise<ReadonlyMap<string, string>> => {
  const found = await sql<{ of: string; id: string }>`
    with recursive earlier(id, supersedes_id, of) as (
      select id, supersedes_id, id from diff where id = any(${[...new Set(diffIds)]}::uuid[])
      union all
      select diff.id, diff.supersedes_id, earlier.of from earlier join diff on diff.id = earlier.supersedes_id
    )
    select of::text as of, id::text as id from earlier where supersedes_id is null`.execute(rows(em))
  return new Map(found.rows.map(({ of, id }) => [of, id]))
}

/** What somebody has read of a diff. */
export type IsRead = (file: DiffFile) => boolean

/** For each diff which of its files the actor has marked as reviewed, in this or another iteration of the change. */
export const readFiles = async (
  em: EntityManager,
  actorId: string,
  diffs: readonly Pick<DiffRow, 'id' | 'baseTree'>[],
): Promise<readonly IsRead[]> => {
  const changes = await changesOf(
    em,
    diffs.map(({ id }) => id),
  )
  const marks = await rows(em)
    .selectFrom('FileMark')
    .select(['changeId', 'path', 'readHash'])
    .where('actorId', '=', actorId)
    .where('changeId', 'in', [...new Set(changes.values())])
    .execute()
  const marked = Map.groupBy(marks, ({ changeId, path }) => `${changeId} ${path}`)
  return diffs.map(({ id, baseTree }) => (file) => {
    const ofFile = marked.get(`${changes.get(id)} ${file.path}`)
    // Hashed only where there is something to compare with.
    return ofFile?.some((mark) => mark.readHash === readHash(file, baseTree)) ?? false
  })
}
