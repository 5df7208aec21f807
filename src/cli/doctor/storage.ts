import { constants } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Config } from '../../config.ts'
import { type Check, limited, missing, ok } from './check.ts'

const gibibyte = 1024 ** 3
const neededBytes = gibibyte / 2
const comfortableBytes = 2 * gibibyte

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
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK)
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
  const { bavail, bsize } = await statfs(await existing(dataDir))
  const free = bavail * bsize
  const detail = `${(free / gibibyte).toFixed(1)} GiB free for ${dataDir}`
  if (free < neededBytes)
    return missing('disk', detail, 'make room: the database and the repositories need at least 0.5 GiB')
  return free < comfortableBytes
    ? limited('disk', detail, 'make room before importing large repositories')
    : ok('disk', detail)
}
