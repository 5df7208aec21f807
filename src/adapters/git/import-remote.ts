/** A remote's branch, fetched into a project's repository. */

import { isIP } from 'node:net'
import { RemoteError } from '../../domain/errors.ts'
import type { ImportedHead } from '../../domain/ports/git-store.ts'
import { isBranchName } from '../../domain/project/branch-name.ts'
import { branchRef } from './branch-names.ts'
import type { GitConfiguration } from './git-environment.ts'
import { branchHead } from './refs.ts'
import { parseRemoteUrl, type RemoteAddress, type RemoteRules, type RemoteUrl, resolveRemote } from './remote-url.ts'
import type { Repository } from './repository.ts'
import { GitCommandError } from './run-git.ts'

interface RemoteContext {
  readonly repository: Repository
  readonly rules: RemoteRules
  readonly timeoutMs: number
}

const keptWords = 4096

/**
 * Objects are checked as they come in (`transfer.fsckObjects`); no tags, no submodules, no redirects.
 * @throws SourceRejectedError, RemoteError, the signal's reason
 */
export async function importRemote(
  context: RemoteContext,
  urlText: string,
  branch: string | undefined,
  signal: AbortSignal,
): Promise<ImportedHead> {
  const remote = parseRemoteUrl(urlText, context.rules)
  if (branch !== undefined) branchRef(branch)
  const address = await resolveRemote(remote, context.rules)
  const talk: Talk = (args) => talkToRemote(context, remote, address, signal, args)
  const fetched = branch ?? (await defaultBranch(talk, remote))
  const ref = branchRef(fetched)
  await talk([
    'fetch',
    '--quiet',
    '--no-tags',
    '--no-recurse-submodules',
    '--no-write-fetch-head',
    '--no-auto-maintenance',
    '--end-of-options',
    remote.url,
    `+${ref}:${ref}`,
  ])
  await context.repository.git({ args: ['symbolic-ref', 'HEAD', ref] })
  const head = await branchHead(context.repository, fetched)
  if (head === null) throw new RemoteError(`The remote's branch ${fetched} did not arrive.`, '')
  return { branch: fetched, head }
}

type Talk = (args: readonly string[]) => Promise<string>

async function defaultBranch(talk: Talk, remote: RemoteUrl): Promise<string> {
  const answer = await talk(['ls-remote', '--symref', '--end-of-options', remote.url, 'HEAD'])
  const name = answer.match(/^ref: refs\/heads\/(.+)\tHEAD$/m)?.[1]
  if (name !== undefined && isBranchName(name)) return name
  throw new RemoteError('The remote has no default branch; name the branch to import.', answer.slice(0, keptWords))
}

/** Runs git with its helpers in one process group, so that nothing goes on when it is stopped. */
async function talkToRemote(
  { repository, timeoutMs }: RemoteContext,
  remote: RemoteUrl,
  address: RemoteAddress,
  signal: AbortSignal,
  args: readonly string[],
): Promise<string> {
  try {
    const { stdout } = await repository.git({
      args,
      configuration: transportConfiguration(remote, address),
      environment: transportEnvironment(remote, address),
      outputLimit: 16 * 1024 * 1024,
      timeoutMs,
      signal,
    })
    return stdout.toString('utf8')
  } catch (error) {
    if (!(error instanceof GitCommandError)) throw error
    const words = (error.stderr || error.message).replace(/\/\/[^\s/@]*@/g, '//').slice(0, keptWords)
    throw new RemoteError(`git could not fetch from ${remote.host ?? remote.url}.`, words)
  }
}

function transportConfiguration({ protocol, host, port }: RemoteUrl, { addresses }: RemoteAddress): GitConfiguration {
  const pinned = host !== null && addresses.length > 0 && isIP(host) === 0
  return [
    [`protocol.${protocol}.allow`, 'always'],
    // A redirect could lead to a host that was not checked.
    ['http.followRedirects', 'false'],
    ...(pinned ? ([['http.curloptResolve', `${host}:${port}:${addresses.join(',')}`]] as const) : []),
  ]
}

function transportEnvironment({ protocol, host }: RemoteUrl, { addresses }: RemoteAddress): Record<string, string> {
  const [address] = addresses
  const pinned = address === undefined || host === null ? [] : [`-o HostName=${address}`, `-o HostKeyAlias=${host}`]
  const ssh = [
    'ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=20',
    '-o ForwardAgent=no -o ClearAllForwardings=yes -o PermitLocalCommand=no',
    ...pinned,
  ]
  return { GIT_ALLOW_PROTOCOL: protocol, GIT_SSH_COMMAND: ssh.join(' '), GIT_SSH_VARIANT: 'ssh' }
}
