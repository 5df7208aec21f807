/** Secrets that the data directory keeps for its processes. */

import { randomBytes } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'

const unless = (code: string) => (error: unknown) => {
  if ((error as NodeJS.ErrnoException).code !== code) throw error
  return undefined
}

/**
 * Reads a secret that this data directory keeps, or makes it once; only its owner may read it. Of several processes
 * that make it at once, all get the first one's.
 */
export const keptSecret = async (file: string, make: () => string): Promise<string> => {
  const kept = await readFile(file, 'utf8').catch(unless('ENOENT'))
  if (kept !== undefined) return kept.trim()
  const partial = `${file}.${randomBytes(8).toString('hex')}`
  try {
    await writeFile(partial, `${make()}\n`, { mode: 0o600, flag: 'wx' })
    await link(partial, file).catch(unless('EEXIST'))
  } finally {
    await rm(partial, { force: true })
  }
  return (await readFile(file, 'utf8')).trim()
}

/**
 * A key of 32 bytes in hex, made once.
 * @param variable what may be set in the file's place
 * @throws Error when the file holds something else
 */
const keptKey = async (file: string, variable: string): Promise<string> => {
  const key = await keptSecret(file, () => randomBytes(32).toString('hex'))
  if (/^[0-9a-f]{64}$/i.test(key)) return key
  throw new Error(`${file} does not hold 32 bytes in hex. Put the key back, or set ${variable}.`)
}

/** The key that credentials are sealed with. @throws Error when the file holds something else */
export const keptSecretKey = (file: string): Promise<string> => keptKey(file, 'SECRET_KEY')

/** The key that evidence is signed with. @throws Error when the file holds something else */
export const keptSigningKey = (file: string): Promise<string> => keptKey(file, 'SIGNING_KEY')
