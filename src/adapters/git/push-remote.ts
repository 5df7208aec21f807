/** A commit put on a remote's branch. */

import type { PushedCommit, Remote } from '../../domain/ports/git-store.ts'
import { branchRef } from './branch-names.ts'
import { fetchBranch } from './fetch-remote.ts'
import { isObjectId } from './git-objects.ts'
import { containedCommits } from './refs.ts'
import { type RemoteContext, withRemote } from './remote-talk.ts'
import { remoteError, safeWords, secretsIn } from './remote-words.ts'

/**
 * Never by force. A remote that has the commit already, also below others, is as good as pushed to.
 * @throws SourceRejectedError, RemoteError for everything but a branch that has gone another way, the signal's reason
 */
export async function pushRemote(
  context: RemoteContext,
  remote: Remote,
  branch: string,
  oid: string,
  signal: AbortSignal,
): Promise<PushedCommit> {
  const ref = branchRef(branch)
  if (!isObjectId(oid)) throw new TypeError('what is pushed is a full object id')
  return await withRemote(context, remote, signal, async (talk, address) => {
    const { exitCode, stdout, stderr } = await talk(
      ['push', '--porcelain', '--no-verify', '--no-signed', '--end-of-options', address.url, `${oid}:${ref}`],
      { act: 'push to', accept: [0, 1] },
    )
    if (exitCode === 0) return { landed: true }
    const words = `${stdout.toString('utf8')}\n${stderr}`
    // Of the refusals only this one is git's own judgement that the branch has what this history lacks.
    if (!/^!\t.*\t\[rejected\] \((fetch first|non-fast-forward)\)/m.test(words)) {
      throw remoteError('push to', address.host ?? address.url, words, remote.credential)
    }
    const landed = await fetchBranch(context, talk, address, branch, async (head) => {
      const contained = await containedCommits(context.repository, head, [oid])
      return contained.length > 0
    })
    return landed ? { landed } : { landed, details: safeWords(words, secretsIn(remote.credential)) }
  })
}
