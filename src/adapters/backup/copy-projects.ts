/** The projects' repositories, and the archives of those that are still to be made. */

import { createReadStream } from 'node:fs'
import { access, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { type GitStore, RepositoryMissingError } from '../../domain/ports/git-store.ts'
import type { CopiedRef, CopiedRepository } from '../../domain/ports/repository-copies.ts'
import { RepositoryBusyError } from '../git/run-git.ts'
import { type BackupOptions, waitUntil } from './backup-options.ts'
import type { CopiedProject } from './dump-database.ts'
import { storeFile } from './files.ts'
import { type Manifest, packFile, refsFile, type StoredFile, uploadFile } from './manifest.ts'

type Git = Pick<GitStore, 'copyOut' | 'objectKind' | 'directory'>

export interface CopiedProjects {
  readonly repositories: Manifest['repositories']
  readonly files: readonly StoredFile[]
}

/**
 * What the rows say counts: of what was committed after them a copy has the objects, and the branch is where they have it.
 */
const refsByRows = (refs: readonly CopiedRef[], { branch, head }: CopiedProject): readonly CopiedRef[] => {
  if (branch === null || head === null) return refs
  const ref = `refs/heads/${branch}`
  return [...refs.filter((each) => each.ref !== ref), { ref, oid: head }]
}

/** @throws RepositoryBusyError while somebody removes objects from it */
const copyOnce = async (
  git: Git,
  { id }: CopiedProject,
  { directory, signal }: BackupOptions,
): Promise<{ readonly copy: CopiedRepository; readonly file: StoredFile }> => {
  const pack = new PassThrough()
  // Both ends are told why below, whether they have begun to listen or not.
  pack.on('error', () => {})
  const failed = new AbortController()
  const writing = storeFile(directory, packFile(id), pack)
  const copying = git.copyOut(id, pack, AbortSignal.any([signal, failed.signal]))
  try {
    const [copy, file] = await Promise.all([copying, writing])
    return { copy, file }
  } catch (error) {
    failed.abort(error)
    pack.destroy(error as Error)
    await Promise.allSettled([copying, writing])
    await rm(join(directory, packFile(id)), { force: true })
    throw error
  }
}

const copyRepository = async (
  git: Git,
  project: CopiedProject,
  options: BackupOptions,
): Promise<CopiedProjects | null> => {
  const { id, head } = project
  let copied: Awaited<ReturnType<typeof copyOnce>> | undefined
  const tryIt = async () => {
    try {
      copied = await copyOnce(git, project, options)
      return true
    } catch (error) {
      if (error instanceof RepositoryBusyError) return false
      throw error
    }
  }
  try {
    await waitUntil(tryIt, `waiting until the repository of the project ${id} has been packed`, options)
  } catch (error) {
    // A project that is being made, or could not be, has none.
    if (error instanceof RepositoryMissingError && head === null) return null
    options.signal.throwIfAborted()
    throw new Error(`The repository of the project ${id} could not be copied: run \`countersign fsck\`.`, {
      cause: error,
    })
  }
  if (copied === undefined) return null
  if (head !== null && (await git.objectKind(id, head)) !== 'commit') {
    throw new Error(`The repository of the project ${id} lacks its commit ${head}: run \`countersign fsck\`.`)
  }
  const { objectFormat, branch, refs } = copied.copy
  const lines = refsByRows(refs, project).map(({ ref, oid }) => `${oid} ${ref}\n`)
  const listed = await storeFile(options.directory, refsFile(id), [Buffer.from(lines.join(''))])
  return { repositories: [{ projectId: id, objectFormat, branch }], files: [copied.file, listed] }
}

const copyUpload = async (
  dataDir: string,
  { id, head }: CopiedProject,
  { directory }: BackupOptions,
): Promise<readonly StoredFile[]> => {
  const upload = join(dataDir, 'archives', `${id}.tar`)
  const isThere = head === null && (await access(upload).then(() => true, unlessAbsent))
  return isThere ? [await storeFile(directory, uploadFile(id), createReadStream(upload))] : []
}

const unlessAbsent = (error: unknown): false => {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  return false
}

export const copyProjects = async (
  git: Git,
  dataDir: string,
  projects: readonly CopiedProject[],
  options: BackupOptions,
): Promise<CopiedProjects> => {
  const repositories: Manifest['repositories'] = []
  const files: StoredFile[] = []
  for (const [index, project] of projects.entries()) {
    options.signal.throwIfAborted()
    // In this order: an archive is removed after the repository was made of it.
    files.push(...(await copyUpload(dataDir, project, options)))
    const copied = await copyRepository(git, project, options)
    repositories.push(...(copied?.repositories ?? []))
    files.push(...(copied?.files ?? []))
    options.progress(`project ${index + 1} of ${projects.length}`)
  }
  return { repositories, files }
}
