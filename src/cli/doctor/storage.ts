import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Config } from '../../config.ts'
import { freeBytes, inGibibytes, neededBytes, tryWriting } from '../../health/storage.ts'
import { type Check, limited, missing, ok } from './check.ts'

const comfortableBytes = 4 * neededBytes

/** The directory itself, or the nearest one above it that exists. */
const existing = async (directory: string): Promise<string> => {
  try {
    await stat(directory)
    return directory
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(directory) === directory) throw error
    return existing(dirname(directory))
  }
}

export const checkDataDir = async ({ dataDir }: Config): Promise<Check> => {
  try {
    const directory = await existing(dataDir)
    if (!(await stat(directory)).isDirectory())
      return missing('data', `${directory} is not a directory`, 'set DATA_DIR to another place')
    await tryWriting(directory)
    return ok('data', directory === dataDir ? dataDir : `${dataDir}, not made yet`)
  } catch (error) {
    return missing(
      'data',
      `${dataDir} cannot be written (${(error as NodeJS.ErrnoException).code ?? error})`,
      'set DATA_DIR to a directory that you may write to',
    )
  }
}

export const checkDisk = async ({ dataDir }: Config): Promise<Check> => {
  const free = await freeBytes(await existing(dataDir))
  const detail = `${inGibibytes(free)} free for ${dataDir}`
  if (free < neededBytes)
    return missing('disk', detail, 'make room: the database and the repositories need at least 0.5 GiB')
  return free < comfortableBytes
    ? limited('disk', detail, 'make room before importing large repositories')
    : ok('disk', detail)
}
