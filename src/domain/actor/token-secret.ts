import { randomBytes } from 'node:crypto'
import { sha256 } from '../shared/canonical-hash.ts'

/** A new token's secret: 256 random bits under a prefix that secret scanners can find. */
export const newTokenSecret = (): string => `csk_${randomBytes(32).toString('base64url')}`

/** What is stored of a secret. */
export const tokenSecretHash = (secret: string): string => sha256(secret)
