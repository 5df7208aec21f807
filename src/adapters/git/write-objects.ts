/** Puts new objects into a repository: a few as files of their own, many as one pack. They last a loss of power. */

import { randomUUID } from 'node:crypto'
import { closeSync, fsync, mkdirSync, openSync, renameSync, rmSync, writeFile, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type NewObject, type ObjectKind, parseCommit } from './git-objects.ts'
import { inParallel } from './in-parallel.ts'
import { compress, packFile } from './pack-file.ts'
import { MissingObjectError, type Repository } from './repository.ts'

/** Objects on the disk that nobody can find yet. */
export interface StagedObjects {
  /** Gives them their names. */
  publish(): void
  discard(): void
}

/** What names others comes after them, so that a crash in between leaves nothing broken; trees come inner ones first. */
const ranks: Record<ObjectKind, number> = { blob: 0, tree: 1, commit: 2, tag: 3 }

/** Above this one pack costs less: each file of its own waits for the disk. */
const looseLimit = 24

/** Up to here writing takes less time than handing it to another thread; in bytes. */
const smallContent = 65_536

const writeAside = promisify(writeFile)
const syncAside = promisify(fsync)

/**
 * An object that is there already is written again, which keeps a collection that is under way from taking it.
 * @throws MissingObjectError for a commit on what is not there, system errors; then nothing is left
 */
export async function writeObjects(repository: Repository, objects: readonly NewObject[]): Promise<void> {
  const staged = await stageObjects(repository, objects)
  staged.publish()
}

/** @throws MissingObjectError, system errors; then nothing is left */
export async function stageObjects(repository: Repository, objects: readonly NewObject[]): Promise<StagedObjects> {
  const { directory, hash } = repository
  const unique = [...new Map(objects.map((object) => [object.id, object])).values()]
  await checkCommits(repository, unique)
  const sorted = unique.toSorted((a, b) => ranks[a.kind] - ranks[b.kind])
  const place = join(directory, 'objects')
  const files =
    sorted.length > looseLimit ? await packed(place, hash, sorted) : sorted.map((each) => loose(place, each))
  const discard = () => {
    for (const { temporary } of files) rmSync(temporary, { force: true })
  }
  try {
    await inParallel(files, writeTemporary)
  } catch (error) {
    discard()
    throw error
  }
  return {
    discard,
    publish() {
      try {
        for (const { temporary, final } of files) renameSync(temporary, final)
      } finally {
        discard()
      }
    },
  }
}

/** What a commit names comes from a caller; what a tree names was read or made on the way to it. */
async function checkCommits(repository: Repository, objects: readonly NewObject[]): Promise<void> {
  const kinds = new Map<string, string>(objects.map(({ id, kind }) => [id, kind]))
  const links = objects
    .filter(({ kind }) => kind === 'commit')
    .flatMap(({ id, content }) => {
      const { tree, parents } = parseCommit(id, content)
      return [{ id: tree, kind: 'tree' }, ...parents.map((parent) => ({ id: parent, kind: 'commit' }))]
    })
  await Promise.all(
    links.map(async ({ id, kind }) => {
      const found = kinds.get(id) ?? (await repository.info(id))?.kind
      if (found !== kind) throw new MissingObjectError(kind, id)
    }),
  )
}

interface ObjectFile {
  readonly directory: string
  /** A name that git's collection knows to remove. */
  readonly temporary: string
  readonly final: string
  readonly bytes: () => Promise<Buffer>
}

function loose(place: string, { id, kind, content }: NewObject): ObjectFile {
  const directory = join(place, id.slice(0, 2))
  const head = Buffer.from(`${kind} ${content.length}\0`, 'latin1')
  return {
    directory,
    temporary: join(directory, `tmp_obj_${randomUUID()}`),
    final: join(directory, id.slice(2)),
    bytes: () => compress(Buffer.concat([head, content])),
  }
}

/** The index comes last: a pack without one is not looked at. */
async function packed(place: string, hash: Repository['hash'], objects: readonly NewObject[]): Promise<ObjectFile[]> {
  const directory = join(place, 'pack')
  const { name, pack, index } = await packFile(hash, objects)
  return [
    { extension: 'pack', bytes: pack },
    { extension: 'idx', bytes: index },
  ].map(({ extension, bytes }) => ({
    directory,
    temporary: join(directory, `tmp_${extension}_${randomUUID()}`),
    final: join(directory, `pack-${name}.${extension}`),
    bytes: async () => bytes,
  }))
}

/** What is short is written at once; the disk is waited for aside. */
async function writeTemporary({ directory, temporary, bytes: read }: ObjectFile): Promise<void> {
  const bytes = await read()
  const file = openNew(directory, temporary)
  try {
    if (bytes.length <= smallContent) writeFileSync(file, bytes)
    else await writeAside(file, bytes)
    await syncAside(file)
  } finally {
    closeSync(file)
  }
}

/** A collection removes directories that it has emptied, also one that was made just now. */
function openNew(directory: string, path: string): number {
  for (let triesLeft = 20; ; triesLeft -= 1) {
    try {
      return openSync(path, 'wx', 0o444)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || triesLeft === 0) throw error
      mkdirSync(directory, { recursive: true })
    }
  }
}
