import { createHash, randomBytes } from 'node:crypto'
import { lstat, mkdir, readlink, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { makeReachable } from './embedded-binaries.ts'
import { hasCode, type Identity, runAs } from './embedded-process.ts'

/** Where the database's files are. */
export interface DatabaseLocation {
  /** Holds the cluster and its password; it may not exist yet. */
  readonly directory: string
  /** True when it is not inside the data directory, which then holds a link to it. */
  readonly isElsewhere: boolean
}

/**
 * The place of the database that belongs to a data directory. When its own user cannot reach the data directory,
 * the database is kept below `systemDir` and `<dataDir>/postgres` is a link to it. Each link gets a place of its own,
 * so that a data directory which was deleted and made anew does not find the old one's rows.
 * @throws Error when there is a database in the data directory and its user cannot reach it
 */
export async function databaseLocation(
  dataDir: string,
  identity: Identity | null,
  systemDir: string,
): Promise<DatabaseLocation> {
  const root = resolve(dataDir)
  const inside = join(root, 'postgres')
  await mkdir(root, { recursive: true, mode: identity === null ? 0o700 : 0o711 })

  const found = await kindOf(inside)
  if (found === 'link') return { directory: resolve(root, await readlink(inside)), isElsewhere: true }
  if (await canReach(identity, found === null ? root : inside)) return { directory: inside, isElsewhere: false }
  if (found !== null) {
    throw new Error(
      `The database in ${inside} cannot be reached by its own user (uid ${identity?.uid}). ` +
        `Make every directory above it passable (chmod o+x), or move the data directory ${root} to where it can.`,
    )
  }

  const hash = createHash('sha256').update(root).digest('hex').slice(0, 16)
  const place = join(systemDir, hash, randomBytes(4).toString('hex'))
  try {
    await symlink(join(place, 'postgres'), inside)
  } catch (error) {
    // Another process was first: its place is the one.
    if (!hasCode(error, 'EEXIST')) throw error
    return await databaseLocation(dataDir, identity, systemDir)
  }
  await makeReachable(place)
  await writeFile(join(place, 'belongs-to'), `${root}\n`)
  return { directory: join(place, 'postgres'), isElsewhere: true }
}

async function kindOf(path: string): Promise<'link' | 'other' | null> {
  try {
    return (await lstat(path)).isSymbolicLink() ? 'link' : 'other'
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}

async function canReach(identity: Identity | null, directory: string): Promise<boolean> {
  if (identity === null) return true
  try {
    await runAs(identity, '/bin/sh', ['-c', 'cd -- "$1"', 'sh', directory])
    return true
  } catch (error) {
    // The shell answers with its own exit code; anything else is a failure to run it.
    if (error instanceof Error && 'code' in error && typeof error.code === 'number') return false
    throw error
  }
}
