import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createSigner } from '../../adapters/evidence/signer.ts'
import type { Config } from '../../config.ts'
import { type Check, missing, ok } from './check.ts'

/** Which key signs the evidence of commits; `countersign verify --key` takes its fingerprint. None is made here. */
export const checkSigningKey = async ({ dataDir, signingKey }: Config): Promise<Check> => {
  if (signingKey !== undefined) return ok('evidence', `signed with ${createSigner(signingKey).keyId}, from SIGNING_KEY`)
  const file = join(dataDir, 'signing-key')
  try {
    return ok('evidence', `signed with ${createSigner((await readFile(file, 'utf8')).trim()).keyId}`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ok('evidence', 'its key is made at the first start')
    const why = error instanceof TypeError ? 'does not hold 32 bytes in hex' : `cannot be read (${String(error)})`
    return missing('evidence', `${file} ${why}`, 'put the key back from a backup, or set SIGNING_KEY')
  }
}
