/** Whole repositories as one pack each, while others work on them, and repositories made of such packs. */

import { Readable, type Writable } from 'node:stream'
import type { CopiedRef, RepositoryCopies } from '../../domain/ports/repository-copies.ts'
import { spawnPiped } from '../processes/spawn-piped.ts'
import { type GitConfiguration, gitEnvironment } from './git-environment.ts'
import { isObjectId } from './git-objects.ts'
import type { Repository } from './repository.ts'
import { GitCommandError, type GitRunnerOptions } from './run-git.ts'

/** One core and bounded memory, as when a repository is packed: the server works beside it. */
const configuration: GitConfiguration = [
  ['pack.threads', '1'],
  ['pack.windowMemory', '128m'],
]

/** Every object is read: large repositories take their time. */
const timeoutMs = 6 * 3_600_000

/** Kept for as long as a fetch takes. */
const passing = 'refs/countersign/fetch/'

export function createRepositoryCopies(
  open: (projectId: string) => Promise<Repository>,
  options: GitRunnerOptions,
): RepositoryCopies {
  return {
    async copyOut(projectId, into, signal) {
      const repository = await open(projectId)
      // Before the objects: what a reference names is there when the objects are listed.
      const refs = await listRefs(repository)
      const { stdout } = await repository.git({ args: ['symbolic-ref', 'HEAD'] })
      await packAll(repository, options, into as Writable, signal)
      const branch = stdout
        .toString('utf8')
        .trim()
        .replace(/^refs\/heads\//, '')
      return { objectFormat: repository.hash === 'sha256' ? 'SHA256' : 'SHA1', branch, refs }
    },
    async copyIn(draft, pack, { refs }, signal) {
      const repository = await open(draft)
      // As strict as `transfer.fsckObjects` is with what a remote sends: no old fault is let through that is not there.
      // Links are not followed, since what nothing reaches may lack something; a check of the whole comes after.
      const args = ['index-pack', '--stdin', '--threads=1', '--fsck-objects']
      await repository.git({ args, stdin: Readable.from(pack), timeoutMs, signal })
      await setRefs(repository, refs, signal)
    },
  }
}

async function listRefs(repository: Repository): Promise<readonly CopiedRef[]> {
  const { stdout } = await repository.git({ args: ['for-each-ref', '--format=%(objectname) %(refname)'] })
  return stdout
    .toString('utf8')
    .split('\n')
    .flatMap((line) => {
      const [, oid, ref] = /^([0-9a-f]+) (refs\/.+)$/.exec(line) ?? []
      return oid && ref && !ref.startsWith(passing) ? [{ ref, oid }] : []
    })
}

/**
 * The objects are listed while git, which holds the lock against whatever removes any, waits for the list. Should one go
 * all the same, git does not find it and fails.
 */
async function packAll(
  repository: Repository,
  options: GitRunnerOptions,
  into: Writable,
  signal: AbortSignal,
): Promise<void> {
  const argv = [`--git-dir=${repository.directory}`, 'cat-file', '--batch-all-objects', '--unordered']
  const listing = spawnPiped('git', [...argv, '--batch-check=%(objectname)'], {
    cwd: repository.directory,
    env: gitEnvironment(options),
  })
  const words: Buffer[] = []
  listing.stderr.on('data', (chunk: Buffer) => words.push(chunk))
  const listed = new Promise<number | null>((resolve, reject) => {
    listing.on('close', resolve)
    listing.on('error', reject)
  })
  listed.catch(() => undefined)
  try {
    await repository.git({
      args: ['pack-objects', '--quiet', '--stdout', '--delta-base-offset'],
      stdin: listing.stdout,
      stdout: into,
      configuration,
      timeoutMs,
      signal,
      isAlone: true,
    })
  } catch (error) {
    listing.stdout.destroy()
    listing.kill('SIGKILL')
    await listed.catch(() => undefined)
    throw error
  }
  // A list that broke off would look like a shorter one.
  const exitCode = await listed
  if (exitCode !== 0) throw new GitCommandError('cat-file', exitCode, Buffer.concat(words).toString('utf8').trimEnd())
}

async function setRefs(repository: Repository, refs: readonly CopiedRef[], signal: AbortSignal): Promise<void> {
  if (!refs.every(({ ref, oid }) => isObjectId(oid) && ref.startsWith('refs/') && !ref.includes('\0'))) {
    throw new TypeError('a reference has a name below refs/ and a full object id')
  }
  const commands = refs.map(({ ref, oid }) => `create ${ref}\0${oid}\0`)
  await repository.git({
    args: ['update-ref', '--no-deref', '-z', '--stdin'],
    stdin: Buffer.from(commands.join('')),
    timeoutMs,
    signal,
  })
  await repository.git({ args: ['pack-refs', '--all', '--prune'], timeoutMs, signal })
}
