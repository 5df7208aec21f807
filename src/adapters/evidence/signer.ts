/** Signatures with Ed25519. */

import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import type { Signer } from '../../domain/ports/signer.ts'
import { sha256 } from '../../domain/shared/canonical-hash.ts'

/** What stands before the 32 bytes of a private key in PKCS #8. */
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex')

/**
 * @param seedHex the private key: 32 bytes in hex
 * @throws TypeError for a key of another shape
 */
export const createSigner = (seedHex: string): Signer => {
  if (!/^[0-9a-f]{64}$/i.test(seedHex)) throw new TypeError('the key that signs evidence is 32 bytes in hex')
  const key = createPrivateKey({
    key: Buffer.concat([privatePrefix, Buffer.from(seedHex, 'hex')]),
    format: 'der',
    type: 'pkcs8',
  })
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return { keyId: sha256(publicKey), publicKey, sign: (bytes) => sign(null, bytes, key) }
}
