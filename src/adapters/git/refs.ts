/** Branches, and the hidden references that keep commits from being collected. */

import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImportedHead, KeptKind } from '../../domain/ports/git-store.ts'
import { isBranchName } from '../../domain/project/branch-name.ts'
import { branchRef, isUuid } from './branch-names.ts'
import { isObjectId } from './git-objects.ts'
import type { Repository } from './repository.ts'
import { GitCommandError } from './run-git.ts'

const keptKinds: readonly KeptKind[] = ['candidates', 'checkpoints', 'diffs', 'versions']

/** @throws ValidationError for a name that is none */
export async function branchHead(repository: Repository, branch: string): Promise<string | null> {
  return await readRef(repository, branchRef(branch))
}

/** The branch that HEAD names, and where it stands; null while it has no commit. */
export async function firstBranch(repository: Repository): Promise<ImportedHead | null> {
  const { stdout } = await repository.git({ args: ['symbolic-ref', '--quiet', 'HEAD'] })
  const branch = stdout
    .toString('utf8')
    .trim()
    .replace(/^refs\/heads\//, '')
  const head = await branchHead(repository, branch)
  return head === null ? null : { branch, head }
}

/** A branch, a tag, or an object id of at least seven digits, in this order; null when nothing is called so. */
export async function resolveCommit(repository: Repository, revision: string): Promise<string | null> {
  const candidates: string[] = []
  if (isObjectId(revision)) candidates.push(revision)
  if (isBranchName(revision)) {
    for (const space of ['refs/heads/', 'refs/tags/']) {
      const id = await readRef(repository, `${space}${revision}`)
      if (id !== null) candidates.push(id)
    }
  }
  if (/^[0-9a-f]{7,64}$/.test(revision)) candidates.push(revision)
  for (const name of candidates) {
    const header = await repository.info(`${name}^{commit}`)
    if (header?.kind === 'commit') return header.id
  }
  return null
}

export async function branchContains(repository: Repository, branch: string, oid: string): Promise<boolean> {
  const head = await branchHead(repository, branch)
  if (head === null || !isObjectId(oid) || (await repository.info(oid))?.kind !== 'commit') return false
  const { exitCode } = await repository.git({
    args: ['merge-base', '--is-ancestor', '--end-of-options', oid, head],
    accept: [0, 1],
  })
  return exitCode === 0
}

/** Those of the commits that the history of `head` has, itself among them, in one walk. */
export async function containedCommits(
  repository: Repository,
  head: string,
  oids: readonly string[],
): Promise<readonly string[]> {
  requireObjectIds(head, ...oids)
  const kinds = await Promise.all(oids.map(async (oid) => (await repository.info(oid))?.kind))
  const known = oids.filter((_, index) => kinds[index] === 'commit')
  if (known.length === 0) return []
  const { stdout } = await repository.git({
    args: ['rev-list', '--stdin'],
    stdin: Buffer.from(`${known.join('\n')}\n^${head}\n`),
  })
  const beyond = new Set(stdout.toString('utf8').split('\n'))
  return known.filter((oid) => !beyond.has(oid))
}

// Far longer than any git process of ours may run: whoever made the lock is gone.
export const staleLockMs = 300_000

/** Removes the lock that a git which was killed left on a reference. */
async function removeStaleLock(repository: Repository, ref: string): Promise<void> {
  const lock = join(repository.directory, `${ref}.lock`)
  const found = await stat(lock).catch(() => null)
  if (found !== null && Date.now() - found.mtimeMs >= staleLockMs) await rm(lock, { force: true })
}

/** @throws GitCommandError for every fault but a branch that was elsewhere */
export async function moveBranch(repository: Repository, branch: string, from: string, to: string): Promise<boolean> {
  return await swapRef(repository, branchRef(branch), from, to)
}

/**
 * Moves a reference of checked shape in one step; makes it when it was not to be there.
 * @throws GitCommandError for every fault but a reference that was elsewhere
 */
export async function swapRef(repository: Repository, ref: string, from: string | null, to: string): Promise<boolean> {
  requireObjectIds(...(from === null ? [] : [from]), to)
  // git would wait for it in vain.
  await removeStaleLock(repository, ref)
  // An id of zeros is git's word for a reference that is not there.
  if (await repository.moveRef(ref, to, from ?? '0'.repeat(to.length))) return true
  return await moveAlone(repository, ref, from, to)
}

/** With a git of its own, which says what is wrong. */
async function moveAlone(repository: Repository, ref: string, from: string | null, to: string): Promise<boolean> {
  try {
    const old = from ?? '0'.repeat(to.length)
    await repository.git({ args: ['update-ref', '--no-deref', '--end-of-options', ref, to, old] })
    return true
  } catch (error) {
    if (!(error instanceof GitCommandError)) throw error
    // git tells by words alone; where the branch stands now decides.
    if ((await readRef(repository, ref)) !== from) return false
    throw error
  }
}

export async function keepCommit(repository: Repository, kind: KeptKind, id: string, commit: string): Promise<void> {
  const ref = keptRef(kind, id)
  requireObjectIds(commit)
  if (await repository.moveRef(ref, commit, null)) return
  await repository.git({ args: ['update-ref', '--no-deref', '--end-of-options', ref, commit] })
}

/** Nothing happens when it is not kept. */
export async function releaseCommit(repository: Repository, kind: KeptKind, id: string): Promise<void> {
  await repository.git({ args: ['update-ref', '--no-deref', '-d', '--end-of-options', keptRef(kind, id)] })
}

function keptRef(kind: KeptKind, id: string): string {
  if (!keptKinds.includes(kind) || !isUuid(id)) throw new TypeError('a commit is kept under a kind and a UUID')
  return `refs/countersign/${kind}/${id.toLowerCase()}`
}

/** The reference must be of checked shape. */
export async function readRef(repository: Repository, ref: string): Promise<string | null> {
  const { stdout } = await repository.git({ args: ['for-each-ref', '--format=%(refname) %(objectname)', ref] })
  const line = stdout
    .toString('utf8')
    .split('\n')
    .find((each) => each.startsWith(`${ref} `))
  return line?.slice(ref.length + 1) ?? null
}

function requireObjectIds(...ids: string[]): void {
  if (!ids.every(isObjectId)) throw new TypeError('a reference is moved between full object ids')
}
