/** What git and a remote say, made fit to be stored and shown: a remote may say anything, also the secret it was given. */

import { RemoteError } from '../../domain/errors.ts'
import type { RemoteCredential } from '../../domain/ports/git-store.ts'

const keptBytes = 2048

/** How a secret may come back in words. */
export function secretsIn(credential: RemoteCredential | null): readonly string[] {
  if (credential === null) return []
  if (credential.kind === 'SSH_KEY')
    return credential.privateKey.split('\n').filter((line) => /^[\w+/=]{16,}$/.test(line))
  const { user, token } = credential
  const basic = Buffer.from(`${user}:${token}`).toString('base64')
  return [basic, token, encodeURIComponent(token), Buffer.from(token).toString('base64')]
}

/** Lines without control characters, credentials or empty lines, of at most 2 KB. */
export function safeWords(words: string, secrets: readonly string[]): string {
  let text = words.replace(/\/\/[^\s/@]*@/g, '//')
  for (const secret of secrets) text = text.replaceAll(secret, '[credential]')
  const lines = text
    .split(/[\r\n]+/)
    .map((line) =>
      line
        .replace(/\t/g, ' ')
        .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')
        .trimEnd(),
    )
    .filter((line) => line !== '')
  // Cut in bytes; what is left of a character at the end goes as well.
  return Buffer.from(lines.join('\n'))
    .subarray(0, keptBytes)
    .toString('utf8')
    .replace(/\ufffd+$/, '')
}

const explanations: readonly (readonly [words: RegExp, why: (hasCredential: boolean) => string])[] = [
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed/,
    () =>
      "The host's key is not the one that this project has seen before. If it was changed on purpose, remove the file known_hosts from the project's repository directory on the server.",
  ],
  [
    /could not read (Username|Password)|Authentication failed|returned error: 40[13]|Permission denied \(/,
    (hasCredential) =>
      hasCredential
        ? 'The remote refused the credential. Give another one with updateProject.'
        : 'The remote asks for a credential, and none is stored. Give one with updateProject.',
  ],
  [/Load key .*(invalid format|libcrypto|passphrase)/, () => 'ssh cannot read the private key.'],
  [
    /unable to update url base from redirection|returned error: 30\d/,
    () => 'The remote redirects elsewhere, and redirects are not followed. Use the address that it redirects to.',
  ],
  [/couldn't find remote ref|[Nn]o such ref/, () => 'The remote has no such branch.'],
  [/mismatched algorithms|object format/, () => 'The remote has another object format than this project.'],
]

/** The error for git's words. @param act what was tried, as in "fetch from" */
export function remoteError(
  act: string,
  place: string,
  words: string,
  credential: RemoteCredential | null,
): RemoteError {
  const details = safeWords(words, secretsIn(credential))
  const why = explanations.find(([pattern]) => pattern.test(details))?.[1](credential !== null)
  return new RemoteError(`git could not ${act} ${place}.${why === undefined ? '' : ` ${why}`}`, details)
}
