/** Secrets sealed with AES-256-GCM: what is stored says nothing, and a change to it is seen. */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { type Secrets, UnreadableSecretError } from '../../domain/ports/secrets.ts'

const algorithm = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16
const version = 'v1:'

/** The context is authenticated with the secret, so that a sealed text moved to another row does not open. */
const additionalData = (context: string): Buffer => Buffer.from(`countersign ${version} ${context}`)

/**
 * @param keyHex 32 bytes in hex
 * @throws TypeError for a key of another shape
 */
export const createSecrets = (keyHex: string): Secrets => {
  if (!/^[0-9a-f]{64}$/i.test(keyHex)) throw new TypeError('the key of secrets is 32 bytes in hex')
  const key = Buffer.from(keyHex, 'hex')
  return {
    seal(secret, context) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
      cipher.setAAD(additionalData(context))
      const sealed = Buffer.concat([nonce, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return `${version}${sealed.toString('base64url')}`
    },
    open(sealed, context) {
      const bytes = Buffer.from(sealed.slice(version.length), 'base64url')
      if (!sealed.startsWith(version) || bytes.length < nonceBytes + tagBytes) {
        throw new UnreadableSecretError('A stored secret has a format that this version does not know.')
      }
      const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes })
      decipher.setAAD(additionalData(context))
      decipher.setAuthTag(bytes.subarray(-tagBytes))
      try {
        const opened = [decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]
        return Buffer.concat(opened).toString('utf8')
      } catch {
        // OpenSSL does not say which it is: another key, another context, or a changed text.
        throw new UnreadableSecretError(
          'A stored secret cannot be opened: SECRET_KEY is not the key that it was sealed with, or the row was changed.',
        )
      }
    },
  }
}
