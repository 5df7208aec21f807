import { chmod, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { UsageError } from '../exit.ts'

const hasCode = (error: unknown, ...codes: readonly string[]): boolean =>
  codes.includes((error as NodeJS.ErrnoException).code ?? '')

/** @throws UsageError unless something new may be made there */
export const requireEmpty = async (directory: string): Promise<void> => {
  try {
    if ((await readdir(directory)).length === 0) return
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return
    if (!hasCode(error, 'ENOTDIR')) throw error
    throw new UsageError(`${directory} is not a directory.`)
  }
  throw new UsageError(`${directory} is not empty. Name an empty directory, or one that is not there yet.`)
}

/**
 * Makes a directory whole or not at all: it is filled beside its place and then moved there.
 * @throws UsageError when the place is taken or its parent is not there; what `fill` throws
 */
export const makeDirectory = async <Result>(
  directory: string,
  fill: (partial: string) => Promise<Result>,
): Promise<Result> => {
  await requireEmpty(directory)
  const parent = dirname(directory)
  const partial = await mkdtemp(join(parent, `.${basename(directory)}.partial-`)).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) throw new UsageError(`There is no directory ${parent}.`)
    throw error
  })
  try {
    const result = await fill(partial)
    await chmod(partial, 0o777 & ~process.umask())
    // Takes the place of an empty directory, and of nothing else.
    await rename(partial, directory)
    return result
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}
