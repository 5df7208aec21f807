import { createPrivateKey } from 'node:crypto'
import { z } from 'zod'
import { RemoteError } from '../errors.ts'
import type { Remote, RemoteCredential } from '../ports/git-store.ts'
import { type Secrets, UnreadableSecretError } from '../ports/secrets.ts'
import { fieldFault } from '../shared/validate.ts'

/** What GitHub takes with a token of any kind, and most others do not look at. */
const defaultUser = 'x-access-token'

const accessToken = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(4_096, 'must have at most 4096 characters')
  .regex(/^[\x21-\x7e]*$/, 'must not contain blanks, control characters or other than ASCII')
  .transform((text): RemoteCredential => {
    const at = text.indexOf(':')
    const user = at > 0 ? text.slice(0, at) : defaultUser
    return { kind: 'TOKEN', user, token: at > 0 ? text.slice(at + 1) : text }
  })
  .refine((credential) => credential.kind !== 'TOKEN' || credential.token !== '', 'must not be a user name alone')

const withPassphrase = 'is protected by a passphrase, which nobody could type here: give a key without one'
const noKey = 'is not a private key: give the whole file, with its first and last line'

/** What keeps ssh from using a key, in words; null when nothing does. */
const keyFault = (pem: string): string | null => {
  const [, label, body] = /^-----BEGIN ([A-Z ]*PRIVATE KEY)-----\n([\s\S]+)\n-----END \1-----\n$/.exec(pem) ?? []
  if (label === undefined || body === undefined) return noKey
  if (label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type: 4,ENCRYPTED$/m.test(body)) return withPassphrase
  if (label === 'OPENSSH PRIVATE KEY') {
    // PROTOCOL.key of OpenSSH: a magic word, then the cipher's name with its length before it.
    const bytes = Buffer.from(body, 'base64')
    const magic = Buffer.from('openssh-key-v1\0')
    if (!bytes.subarray(0, magic.length).equals(magic) || bytes.length < magic.length + 4) return noKey
    const length = bytes.readUInt32BE(magic.length)
    const cipher = bytes.subarray(magic.length + 4, magic.length + 4 + length).toString('latin1')
    return cipher === 'none' ? null : withPassphrase
  }
  try {
    createPrivateKey(pem)
    return null
  } catch {
    return noKey
  }
}

const sshPrivateKey = z
  .string()
  .max(20_000, 'must have at most 20000 characters')
  // As it comes out of a form: line ends of another system, and without the last one.
  .transform((text) => `${text.replace(/\r\n?/g, '\n').trim()}\n`)
  .superRefine((pem, context) => {
    const fault = keyFault(pem)
    if (fault !== null) context.addIssue({ code: 'custom', message: fault })
  })
  .transform((privateKey): RemoteCredential => ({ kind: 'SSH_KEY', privateKey }))

/** Exactly one of the two. What is wrong is said without repeating what was given. */
export const remoteCredentialInput = z
  .object({ accessToken: accessToken.nullish(), sshPrivateKey: sshPrivateKey.nullish() })
  .transform((given, context): RemoteCredential => {
    const found = [given.accessToken, given.sshPrivateKey].filter((each) => each != null)
    const [credential] = found
    if (credential !== undefined && found.length === 1) return credential
    context.addIssue({ code: 'custom', message: 'needs exactly one of accessToken or sshPrivateKey' })
    return z.NEVER
  })

/**
 * A key is for ssh and a token for HTTP.
 * @throws ValidationError at the field
 */
export const checkFits = (protocol: string, credential: RemoteCredential, path: string): void => {
  const wanted = credential.kind === 'SSH_KEY' ? ['ssh'] : ['https', 'http']
  if (wanted.includes(protocol)) return
  const [what, where] = credential.kind === 'SSH_KEY' ? ['a private key', 'ssh'] : ['an access token', 'https']
  throw fieldFault(path, `${what} serves for remotes over ${where}, and this one is over ${protocol}`)
}

/** The credential as a project's row keeps it: it opens for this project alone. */
export const sealCredential = (secrets: Secrets, projectId: string, credential: RemoteCredential): string =>
  secrets.seal(JSON.stringify(credential), projectId)

/**
 * What git is given of a project's remote.
 * @throws RemoteError when the stored credential cannot be read
 */
export const openRemote = (
  secrets: Secrets,
  project: { readonly id: string; readonly remoteCredential?: string | null },
  url: string,
): Remote => {
  if (project.remoteCredential == null) return { url, credential: null }
  try {
    return { url, credential: JSON.parse(secrets.open(project.remoteCredential, project.id)) as RemoteCredential }
  } catch (error) {
    if (!(error instanceof UnreadableSecretError)) throw error
    throw new RemoteError(
      `${error.message} Start all processes with the key it was sealed with, or give the credential again with updateProject.`,
      '',
    )
  }
}
