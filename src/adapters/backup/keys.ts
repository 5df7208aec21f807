/** The keys of a deployment, as a backup has them or knows them. */

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { storeFile } from './files.ts'
import { type Manifest, type SecretName, type StoredFile, secretFile, secretNames } from './manifest.ts'

/** The keys that the environment gives; what it does not give, the data directory keeps. */
export interface GivenKeys {
  readonly secretKey: string | undefined
  readonly signingKey: string | undefined
}

/** Null when there is no such file. */
export const readSecret = async (dataDir: string, name: SecretName): Promise<string | null> => {
  try {
    return (await readFile(join(dataDir, name), 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return null
  }
}

/** Says which key it is, and not what it is: a key is 32 random bytes. */
export const fingerprintOf = (key: string): string =>
  createHash('sha256').update(`countersign key ${key.toLowerCase()}`).digest('hex')

/** Stores the secrets of the data directory, where they are wanted. */
export const copyKeys = async (
  dataDir: string,
  given: GivenKeys,
  { directory, withSecrets }: { readonly directory: string; readonly withSecrets: boolean },
): Promise<{ readonly keys: Manifest['keys']; readonly files: readonly StoredFile[] }> => {
  const files: StoredFile[] = []
  const kept = new Map<SecretName, string>()
  for (const name of secretNames) {
    const secret = await readSecret(dataDir, name)
    if (secret === null) continue
    kept.set(name, secret)
    if (withSecrets) files.push(await storeFile(directory, secretFile(name), [Buffer.from(`${secret}\n`)]))
  }
  const keyOf = (key: string | undefined, name: SecretName) => {
    const used = key ?? kept.get(name)
    const isIncluded = withSecrets && key === undefined && kept.has(name)
    return { fingerprint: used === undefined ? null : fingerprintOf(used), isIncluded }
  }
  const keys = { secretKey: keyOf(given.secretKey, 'secret-key'), signingKey: keyOf(given.signingKey, 'signing-key') }
  return { keys, files }
}
