import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { GitStore } from '../ports/git-store.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'

/** What a content is, whatever hash the repository names it by. */
export interface Digest {
  /** SHA-256 of the content alone, in lower-case hex. */
  readonly sha256: string
  /** In bytes. */
  readonly size: number
}

export type Digests = ReadonlyMap<string, Digest>

const readDigests = async (git: GitStore, projectId: string, objectIds: readonly string[]) => {
  const digests = new Map<string, Digest>()
  for await (const { objectId, size, content } of git.contents(projectId, objectIds)) {
    const hash = createHash('sha256')
    for await (const piece of content) hash.update(piece)
    digests.set(objectId, { sha256: hash.digest('hex'), size })
  }
  return digests
}

/** The digests of contents, each read anew by one process. Nothing is looked up or stored. */
export const digestContents = (
  { git }: Pick<Services, 'git'>,
  projectId: string,
  objectIds: Iterable<string>,
): Promise<Digests> => readDigests(git, projectId, [...new Set(objectIds)])

/**
 * The same, where a content that was digested for the project before is not read again: one query for any number of
 * contents, and one process and one statement more when some are new.
 */
export const digestsOf = async (
  { em, git }: Pick<Services, 'em' | 'git'>,
  projectId: string,
  objectIds: Iterable<string>,
): Promise<Digests> => {
  const wanted = [...new Set(objectIds)]
  if (wanted.length === 0) return new Map()
  const db = rows(em())
  // One array is one parameter, of which a statement has at most 65,535.
  const known = await db
    .selectFrom('BlobDigest')
    .select(['objectId', 'sha256', 'size'])
    .where('projectId', '=', projectId)
    .where(sql<boolean>`object_id = any(${wanted}::text[])`)
    .execute()
  const digests = new Map<string, Digest>(known.map(({ objectId, sha256, size }) => [objectId, { sha256, size }]))
  const missing = wanted.filter((id) => !digests.has(id))
  if (missing.length === 0) return digests
  const read = await readDigests(git, projectId, missing)
  const found = [...read]
  await sql`
    insert into blob_digest (project_id, object_id, sha256, size)
    select ${projectId}::uuid, * from unnest(
      ${found.map(([id]) => id)}::text[],
      ${found.map(([, { sha256 }]) => sha256)}::text[],
      ${found.map(([, { size }]) => size)}::bigint[]
    ) on conflict do nothing`.execute(db)
  for (const [id, digest] of found) digests.set(id, digest)
  return digests
}
