/**
 * Somebody's repository, read and never written. Nothing in it is believed: its configuration takes no part, since its
 * objects are read through an empty repository of our own, and every object is compared with the id that names it.
 */

import type { Stats } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DamagedObjectError, type ForeignRepository } from '../../domain/ports/commit-notes.ts'
import { CatFileEndedError } from './cat-file.ts'
import { otherBytes } from './change-digest.ts'
import { createEvidenceSource } from './evidence-source.ts'
import { type HashName, newObject } from './git-objects.ts'
import { createObjectReaders } from './object-readers.ts'
import { MissingObjectError, type Repository } from './repository.ts'
import { createGitRunner, GitCommandError, type GitRun, type GitRunnerOptions } from './run-git.ts'
import { streamBlobs } from './stream-blobs.ts'
import { checkWholeTree } from './whole-commit.ts'

/** There is no git repository where one was named. */
export class NoRepositoryError extends Error {
  override readonly name = 'NoRepositoryError'
}

export interface ForeignRepositoryOptions {
  /** Directories in which git is found, separated by colons. */
  readonly searchPath: string
  /** For one git process, in milliseconds. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** A path, and the words before it. */
const longestLink = 4_200

const readerLimits = { idleMs: 5_000, open: 1 }

/** What a repository's own configuration could otherwise have git do with a missing object: fetch it, by any program. */
const alone = { GIT_ALLOW_PROTOCOL: 'none' }

/** Its commit graph could tell other parents and trees than the commits have. */
const believed = [['core.commitGraph', 'false']] as const

/** @throws NoRepositoryError, GitCommandError when git cannot read it */
export async function openForeignRepository(
  path: string,
  { signal, ...options }: ForeignRepositoryOptions,
): Promise<ForeignRepository & AsyncDisposable> {
  const gitDirectory = await findGitDirectory(resolve(path))
  await using stack = new AsyncDisposableStack()
  const own = await mkdtemp(join(tmpdir(), 'countersign-verify-'))
  stack.defer(() => rm(own, { recursive: true, force: true }))
  const home = join(own, 'home')
  await mkdir(home)
  const runnerOptions: GitRunnerOptions = { home, ...options }
  const run = createGitRunner(runnerOptions)
  const git = (asked: Omit<GitRun, 'repository'>) =>
    run({ ...asked, repository: gitDirectory, cwd: home, environment: alone, configuration: believed })

  const tell = async (...args: string[]) =>
    (await git({ args: ['rev-parse', ...args] })).stdout.toString('utf8').trimEnd()
  const hash = (await tell('--show-object-format')) === 'sha256' ? 'sha256' : 'sha1'
  const objects = await tell('--path-format=absolute', '--git-path', 'objects')
  const directory = await makeReader(own, hash, objects)
  const readers = createObjectReaders(runnerOptions, readerLimits)
  stack.defer(() => readers.dropAll())
  const repository: Repository = {
    directory,
    hash,
    git,
    info: (name) => readers.info(directory, name),
    async contents(name) {
      const object = await readers.contents(directory, name)
      if (object !== null && newObject(hash, object.kind, object.content).id !== object.id) {
        throw otherBytes(object.kind, object.id)
      }
      return object
    },
    moveRef: () => Promise.reject(new TypeError('a foreign repository is only read')),
  }
  async function* readBlobs(ids: readonly string[]) {
    for await (const blob of streamBlobs(runnerOptions, directory, ids)) {
      signal.throwIfAborted()
      yield blob
    }
  }
  const source = createEvidenceSource(repository, readBlobs)
  const owned = stack.move()
  return {
    commit: (oid) => tellingDamage(source.commit(oid)),
    notes: (commits) => tellingDamage(source.notes(commits)),
    commitId: source.commitId,
    changeDigest: (fromTree, toTree) => tellingDamage(source.changeDigest(fromTree, toTree)),
    async resolve(revision) {
      const { exitCode, stdout } = await git({
        args: ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`],
        accept: [0, 1, 128],
      })
      return exitCode === 0 ? stdout.toString('utf8').trim() : null
    },
    checkTree: (tree) => tellingDamage(checkWholeTree(repository, readBlobs, tree)),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** git's own ways to say that an object cannot be read. */
async function tellingDamage<Result>(reading: Promise<Result>): Promise<Result> {
  try {
    return await reading
  } catch (error) {
    const isDamage =
      error instanceof MissingObjectError || error instanceof GitCommandError || error instanceof CatFileEndedError
    throw isDamage ? new DamagedObjectError(error.message, { cause: error }) : error
  }
}

/** An empty repository that has the other's objects, and nothing else of it. */
async function makeReader(own: string, hash: HashName, objects: string): Promise<string> {
  // One path a line; git would take a quoted or a commented one for something else.
  if (!objects.startsWith('/') || objects.includes('\n')) {
    throw new NoRepositoryError(`Its objects are at a path that git cannot be given: ${JSON.stringify(objects)}`)
  }
  const directory = join(own, 'reader.git')
  await mkdir(join(directory, 'objects', 'info'), { recursive: true })
  await mkdir(join(directory, 'refs'))
  await writeFile(join(directory, 'HEAD'), 'ref: refs/heads/none\n')
  const format =
    hash === 'sha256'
      ? '\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n'
      : '\trepositoryformatversion = 0\n'
  await writeFile(join(directory, 'config'), `[core]\n\tbare = true\n${format}`)
  await writeFile(join(directory, 'objects', 'info', 'alternates'), `${objects}\n`)
  return directory
}

/** A bare repository, the .git of a work tree, or what a linked work tree's .git leads to. */
async function findGitDirectory(path: string): Promise<string> {
  for (const candidate of [join(path, '.git'), path]) {
    const found = await statOf(candidate)
    if (found?.isFile() && candidate !== path && found.size <= longestLink) {
      const target = /^gitdir: (.+)\n*$/.exec(await readFile(candidate, 'utf8'))?.[1]
      if (target !== undefined) return resolve(path, target)
    }
    if (found?.isDirectory() && (await statOf(join(candidate, 'HEAD')))) return candidate
  }
  throw new NoRepositoryError(`There is no git repository at ${path}.`)
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    return undefined
  }
}
