/** A remote's branch as a project's first history. */

import { RemoteError } from '../../domain/errors.ts'
import type { ImportedHead, Remote } from '../../domain/ports/git-store.ts'
import { isBranchName } from '../../domain/project/branch-name.ts'
import { branchRef } from './branch-names.ts'
import { fetchArguments } from './fetch-remote.ts'
import { branchHead } from './refs.ts'
import { type RemoteContext, type Talk, withRemote } from './remote-talk.ts'
import type { RemoteUrl } from './remote-url.ts'
import { safeWords } from './remote-words.ts'

/**
 * Fetches the named branch, or the remote's default one, into the branch of the same name.
 * @throws SourceRejectedError, RemoteError, ValidationError for a branch name that is none, the signal's reason
 */
export async function importRemote(
  context: RemoteContext,
  remote: Remote,
  branch: string | undefined,
  signal: AbortSignal,
): Promise<ImportedHead> {
  if (branch !== undefined) branchRef(branch)
  return await withRemote(context, remote, signal, async (talk, address) => {
    const fetched = branch ?? (await defaultBranch(talk, address))
    const ref = branchRef(fetched)
    await talk(fetchArguments(address, ref, ref), { act: 'fetch from' })
    await context.repository.git({ args: ['symbolic-ref', 'HEAD', ref] })
    const head = await branchHead(context.repository, fetched)
    if (head === null) throw new RemoteError(`The remote's branch ${fetched} did not arrive.`, '')
    return { branch: fetched, head }
  })
}

async function defaultBranch(talk: Talk, remote: RemoteUrl): Promise<string> {
  const { stdout } = await talk(['ls-remote', '--symref', '--end-of-options', remote.url, 'HEAD'], {
    act: 'ask for the default branch of',
  })
  const answer = stdout.toString('utf8')
  const name = answer.match(/^ref: refs\/heads\/(.+)\tHEAD$/m)?.[1]
  if (name !== undefined && isBranchName(name)) return name
  throw new RemoteError('The remote has no default branch; name the branch to import.', safeWords(answer, []))
}
