import { createPublicKey, hash, type KeyObject } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { UsageError } from '../exit.ts'
import { visibleLine } from '../render/visible-text.ts'

const largestKeyFile = 65_536

const readKey = (pem: string): KeyObject | null => {
  try {
    return createPublicKey(pem)
  } catch {
    // OpenSSL's way to say that this is no key.
    return null
  }
}

/**
 * The fingerprint of the key that a person trusts.
 * @param key a fingerprint, with or without `sha256:` before it, or a file with an Ed25519 public key in PEM
 * @returns the SHA-256 of the public key, in lower-case hex
 * @throws UsageError when it is neither
 */
export const trustedKeyId = async (key: string): Promise<string> => {
  const fingerprint = /^(?:sha256:)?([0-9a-f]{64})$/i.exec(key)?.[1]
  if (fingerprint !== undefined) return fingerprint.toLowerCase()
  const shown = visibleLine(key)
  const found = await stat(key).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      `--key is a fingerprint (64 hex digits) or a file with a public key; ${shown} is neither (${error.code}).`,
    )
  })
  if (!found.isFile() || found.size > largestKeyFile) throw new UsageError(`${shown} is no file with a public key.`)
  const publicKey = readKey(await readFile(key, 'utf8'))
  if (publicKey?.asymmetricKeyType !== 'ed25519') {
    throw new UsageError(`${shown} has no Ed25519 public key in PEM (-----BEGIN PUBLIC KEY-----).`)
  }
  return hash('sha256', publicKey.export({ format: 'der', type: 'spki' }))
}
