/** A signed statement in the form of DSSE, https://github.com/secure-systems-lab/dsse, version 1. */

import { createPublicKey, verify } from 'node:crypto'
import { z } from 'zod'
import type { Signer } from '../ports/signer.ts'
import { canonicalJson, sha256 } from '../shared/canonical-hash.ts'
import type { Statement } from './statement.ts'

const payloadType = 'application/vnd.in-toto+json'

/** What is signed: the payload's type and the payload, each with its length, so that neither can pass for the other. */
const preAuthentication = (payload: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `), payload])

/** A signed statement as text that ends with a line feed; the same statement gives the same text. */
export const sealStatement = (signer: Signer, statement: Statement): string => {
  const payload = Buffer.from(canonicalJson(statement))
  const envelope = {
    payload: payload.toString('base64'),
    payloadType,
    signatures: [
      {
        keyid: signer.keyId,
        // Not of DSSE itself, which lets others be: whoever knows the fingerprint alone can verify.
        publicKey: signer.publicKey.toString('base64'),
        sig: signer.sign(preAuthentication(payload)).toString('base64'),
      },
    ],
  }
  return `${canonicalJson(envelope)}\n`
}

const base64 = z.base64()
const shape = z.object({
  payload: base64,
  payloadType: z.literal(payloadType),
  signatures: z.tuple([z.object({ keyid: z.string().max(200), publicKey: base64, sig: base64 })]),
})

export interface Envelope {
  readonly payload: Buffer
  readonly keyId: string
  readonly publicKey: Buffer
  readonly signature: Buffer
}

const parseJson = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

/** Null for bytes that are no envelope of one signature. Nothing of it is believed yet. */
export const openEnvelope = (bytes: Buffer): Envelope | null => {
  const { data } = shape.safeParse(parseJson(bytes))
  if (!data) return null
  const [{ keyid, publicKey, sig }] = data.signatures
  return {
    payload: Buffer.from(data.payload, 'base64'),
    keyId: keyid,
    publicKey: Buffer.from(publicKey, 'base64'),
    signature: Buffer.from(sig, 'base64'),
  }
}

/** The statement's JSON, whatever it says; undefined when it is none. */
export const payloadOf = (envelope: Envelope): unknown => parseJson(envelope.payload)

/** Whether an envelope was made with a key. @param keyId the SHA-256 of its public key */
export const isOfKey = (envelope: Envelope, keyId: string): boolean =>
  envelope.keyId === keyId && sha256(envelope.publicKey) === keyId

/** Whether the signature is that of the envelope's own key. */
export const isSigned = ({ payload, publicKey, signature }: Envelope): boolean => {
  try {
    const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' })
    return key.asymmetricKeyType === 'ed25519' && verify(null, preAuthentication(payload), key, signature)
  } catch {
    // OpenSSL's way to say that this is no key.
    return false
  }
}
