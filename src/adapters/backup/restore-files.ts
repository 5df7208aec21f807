/** What of a backup goes into the data directory: repositories, uploads and secrets. */

import { createReadStream } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { GitStore } from '../../domain/ports/git-store.ts'
import type { CopiedRef } from '../../domain/ports/repository-copies.ts'
import { GitCommandError } from '../git/run-git.ts'
import { storeFile, syncDirectory } from './files.ts'
import { fingerprintOf, type GivenKeys, readSecret } from './keys.ts'
import { type Manifest, packFile, refsFile, secretFile, secretNames } from './manifest.ts'
import { RestoreRefusedError } from './read-backup.ts'

interface Options {
  readonly signal: AbortSignal
  readonly progress: (words: string) => void
}

/** The names of the repositories that a data directory has. */
export const repositoriesIn = async (dataDir: string): Promise<readonly string[]> => {
  try {
    return (await readdir(join(dataDir, 'repositories'))).filter((name) => name.endsWith('.git'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return []
  }
}

const readRefs = async (directory: string, projectId: string): Promise<readonly CopiedRef[]> =>
  (await readFile(join(directory, refsFile(projectId)), 'utf8')).split('\n').flatMap((line) => {
    const at = line.indexOf(' ')
    return at < 0 ? [] : [{ oid: line.slice(0, at), ref: line.slice(at + 1) }]
  })

/** Makes every repository under a passing name. @param drafts takes the names, by project, also of unfinished ones */
export const draftRepositories = async (
  git: GitStore,
  directory: string,
  { repositories }: Manifest,
  drafts: Map<string, string>,
  { signal, progress }: Options,
): Promise<void> => {
  for (const [index, { projectId, objectFormat, branch }] of repositories.entries()) {
    signal.throwIfAborted()
    const draft = git.newDraft()
    drafts.set(projectId, draft)
    await git.create(draft, { objectFormat, branch })
    const refs = await readRefs(directory, projectId)
    const pack = createReadStream(join(directory, packFile(projectId)))
    await git.copyIn(draft, pack, { objectFormat, branch, refs }, signal).catch((error: unknown) => {
      if (!(error instanceof GitCommandError)) throw error
      throw new Error(`git does not take the repository of the project ${projectId} as the backup has it.`, {
        cause: error,
      })
    })
    progress(`repository ${index + 1} of ${repositories.length}`)
  }
}

/**
 * The keys with which the server would go on.
 * @param leftovers files of an interrupted restore, which are taken away before this one begins
 * @returns what a person has to see to
 * @throws RestoreRefusedError when they are others than the backup's
 */
export const checkKeys = async (
  dataDir: string,
  given: GivenKeys,
  { keys }: Manifest,
  leftovers: readonly string[],
): Promise<readonly string[]> => {
  const missing: string[] = []
  for (const [name, file, variable] of [
    ['secretKey', 'secret-key', 'SECRET_KEY'],
    ['signingKey', 'signing-key', 'SIGNING_KEY'],
  ] as const) {
    const { fingerprint, isIncluded } = keys[name]
    if (fingerprint === null) continue
    const key = given[name] ?? (leftovers.includes(file) ? null : await readSecret(dataDir, file))
    if (key !== null && fingerprintOf(key) !== fingerprint) {
      const where = given[name] === undefined ? join(dataDir, file) : variable
      throw new RestoreRefusedError(
        `${where} is another key than the one that was in use when the backup was made. ${
          isIncluded ? 'Remove it: the backup has the right one.' : 'Put the right one there.'
        }`,
      )
    }
    if (key === null && !isIncluded) {
      missing.push(
        `The backup does not have the ${variable}. Set it to what it was before you start the server, which would make another one${
          name === 'secretKey' ? ': stored credentials and the secrets of webhooks could not be opened with that.' : '.'
        }`,
      )
    }
  }
  return missing
}

/** Gives finished repositories the names of their projects. @param placed is told each that has it */
export const placeRepositories = async (
  git: GitStore,
  drafts: ReadonlyMap<string, string>,
  placed: (path: string) => void,
  { signal }: Options,
): Promise<void> => {
  for (const [projectId, draft] of drafts) {
    signal.throwIfAborted()
    if (!(await git.publish(draft, projectId))) {
      throw new RestoreRefusedError(`Somebody else has made the repository of the project ${projectId}.`)
    }
    placed(git.directory(projectId))
  }
}

const archives = 'archives'

/** Where a file of a backup goes, below the data directory; null for what goes elsewhere. */
const placeOf = (path: string): string | null => {
  const upload = /^uploads\/(.+)$/.exec(path)?.[1]
  if (upload !== undefined) return join(archives, upload)
  return secretNames.find((name) => path === secretFile(name)) ?? null
}

/** Of the files of a backup those that are still to be put somewhere: secrets that are there already are kept. */
export const filesToPlace = async (dataDir: string, { files }: Manifest): Promise<ReadonlyMap<string, string>> => {
  const places = new Map<string, string>()
  for (const { path } of files) {
    const place = placeOf(path)
    const secret = secretNames.find((name) => name === place)
    if (place === null || (secret !== undefined && (await readSecret(dataDir, secret)) !== null)) continue
    places.set(path, place)
  }
  return places
}

/**
 * Puts secrets, and the archives of which projects are still to be made.
 * @param places as `filesToPlace` gives them
 * @param placed is told each file
 */
export const placeFiles = async (
  directory: string,
  dataDir: string,
  places: ReadonlyMap<string, string>,
  placed: (path: string) => void,
  { signal }: Options,
): Promise<void> => {
  for (const [path, place] of places) {
    signal.throwIfAborted()
    if (dirname(place) === archives) await rm(join(dataDir, place), { force: true })
    await storeFile(dataDir, place, createReadStream(join(directory, path)))
    placed(join(dataDir, place))
  }
  const parents = new Set(['.', ...[...places.values()].map((place) => dirname(place))])
  for (const parent of parents) await syncDirectory(join(dataDir, parent))
}
