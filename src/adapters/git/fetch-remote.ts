/** A remote's branch, fetched beside the project's own. */

import { randomUUID } from 'node:crypto'
import { RemoteError } from '../../domain/errors.ts'
import type { Remote } from '../../domain/ports/git-store.ts'
import { branchRef } from './branch-names.ts'
import { readRef } from './refs.ts'
import { type RemoteContext, type Talk, withRemote } from './remote-talk.ts'
import type { RemoteUrl } from './remote-url.ts'
import type { Repository } from './repository.ts'

const space = 'refs/countersign/fetch'

/** Objects are checked as they come in (`transfer.fsckObjects`); no tags, no submodules, no redirects. */
export function fetchArguments(remote: RemoteUrl, from: string, to: string): readonly string[] {
  return [
    'fetch',
    '--quiet',
    '--no-tags',
    '--no-recurse-submodules',
    '--no-write-fetch-head',
    '--no-auto-maintenance',
    '--end-of-options',
    remote.url,
    `+${from}:${to}`,
  ]
}

/**
 * Fetches a branch and keeps its commit for as long as `use` runs.
 * @throws SourceRejectedError, RemoteError, the signal's reason
 */
export async function fetchRemote<Result>(
  context: RemoteContext,
  remote: Remote,
  branch: string,
  signal: AbortSignal,
  use: (oid: string) => Promise<Result>,
): Promise<Result> {
  branchRef(branch)
  return await withRemote(context, remote, signal, (talk, address) => fetchBranch(context, talk, address, branch, use))
}

/** The same within a talk that has begun. */
export function fetchBranch<Result>(
  context: RemoteContext,
  talk: Talk,
  address: RemoteUrl,
  branch: string,
  use: (oid: string) => Promise<Result>,
): Promise<Result> {
  return fetchRef(context, talk, address, { ref: branchRef(branch), words: `branch ${branch}` }, use)
}

/** The same for any reference of checked shape. @param what.words what the reference is to people */
export async function fetchRef<Result>(
  { repository, timeoutMs }: RemoteContext,
  talk: Talk,
  address: RemoteUrl,
  what: { readonly ref: string; readonly words: string },
  use: (oid: string) => Promise<Result>,
): Promise<Result> {
  await sweepFetched(repository, 2 * timeoutMs)
  const ref = `${space}/${Date.now()}-${randomUUID()}`
  try {
    await talk(fetchArguments(address, what.ref, ref), { act: `fetch the ${what.words} from` })
    const oid = await readRef(repository, ref)
    if (oid === null) throw new RemoteError(`The remote's ${what.words} did not arrive.`, '')
    return await use(oid)
  } finally {
    await removeRef(repository, ref)
  }
}

/** Removes what processes that were killed have left; a younger one may be another process's that is at work. */
async function sweepFetched(repository: Repository, leftoverMs: number): Promise<void> {
  const { stdout } = await repository.git({ args: ['for-each-ref', '--format=%(refname)', `${space}/`] })
  for (const ref of stdout.toString('utf8').split('\n')) {
    const madeAt = /^refs\/countersign\/fetch\/(\d+)-[0-9a-f-]+$/.exec(ref)?.[1]
    if (madeAt !== undefined && Date.now() - Number(madeAt) > leftoverMs) await removeRef(repository, ref)
  }
}

async function removeRef(repository: Repository, ref: string): Promise<void> {
  await repository.git({ args: ['update-ref', '--no-deref', '-d', '--end-of-options', ref] })
}
