/** The port to the key with which this server signs evidence. */

export interface Signer {
  /** The SHA-256 of the public key, in lower-case hex: what a person compares. */
  readonly keyId: string
  /** As DER (SubjectPublicKeyInfo), of which `keyId` is the hash. */
  readonly publicKey: Buffer
  /** Ed25519: the same bytes always give the same signature. */
  sign(bytes: Uint8Array): Buffer
}
