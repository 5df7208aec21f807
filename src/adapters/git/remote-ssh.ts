/** How ssh is called: with one key and one list of known hosts, and nothing of the server's user. */

import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { RemoteAddress, RemoteUrl } from './remote-url.ts'

/** In the repository's own directory: ssh is started there, and a name without blanks needs no quoting. */
const knownHosts = 'known_hosts'

const pinned = ({ host }: RemoteUrl, { addresses }: RemoteAddress): readonly string[] => {
  const [address] = addresses
  return address === undefined || host === null ? [] : [`-o HostName=${address}`, `-o HostKeyAlias=${host}`]
}

/**
 * Without a key ssh has none to offer: the server's user's own keys are not for its users' projects. A host that the
 * project has not met is trusted and remembered, and one whose key is another than before is refused; a machine's
 * /etc/ssh/ssh_known_hosts counts as well.
 */
export function sshEnvironment(
  remote: RemoteUrl,
  address: RemoteAddress,
  keyFile: string | null,
): Readonly<Record<string, string>> {
  const command = [
    'ssh -F /dev/null -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15 -o ServerAliveCountMax=4',
    `-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=${knownHosts} -o HashKnownHosts=no`,
    '-o ForwardAgent=no -o ClearAllForwardings=yes -o PermitLocalCommand=no -o ControlMaster=no -o ControlPath=none',
    '-o IdentitiesOnly=yes -o IdentityAgent=none -o PreferredAuthentications=publickey',
    keyFile === null ? '-o IdentityFile=none' : `-i ${keyFile}`,
    ...pinned(remote, address),
  ]
  return { GIT_SSH_COMMAND: command.join(' '), GIT_SSH_VARIANT: 'ssh' }
}

/** A directory of nobody else's for the keys that ssh reads. What a killed process left there is removed. */
export function openKeyDirectory(directory: string, leftoverMs: number): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    const since = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
    // A younger one may be another process's that is at work.
    if (Date.now() - since > leftoverMs) rmSync(path, { recursive: true, force: true })
  }
  return directory
}

/** Writes the key for as long as `use` runs, and gives its path as seen from the repository. */
export async function withKeyFile<Result>(
  keys: string,
  repository: string,
  privateKey: string,
  use: (keyFile: string) => Promise<Result>,
): Promise<Result> {
  const directory = await mkdtemp(join(keys, 'key-'))
  try {
    const file = join(directory, 'key')
    await writeFile(file, privateKey, { mode: 0o600, flag: 'wx' })
    return await use(relative(repository, file))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
