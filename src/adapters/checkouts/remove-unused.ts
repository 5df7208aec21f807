import { lstat, readdir, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isLeftover, markedName } from '../sandbox/process-mark.ts'
import { removeTree } from '../sandbox/remove-tree.ts'

export interface CheckoutBounds {
  /** More than so many are kept only while they are in use. */
  readonly most: number
  /** Nothing unused for so long is kept, in milliseconds. */
  readonly unusedMs: number
  /** What was used so shortly ago is taken to be in use, by whatever process, in milliseconds. */
  readonly inUseMs: number
}

const ASIDE = 'old'

/** Removes the checkouts that were unused for the longest time, until the bounds are held. */
export async function removeUnused(
  root: string,
  { most, unusedMs, inUseMs }: CheckoutBounds,
  isUsed: (place: string) => boolean,
): Promise<void> {
  const found = (await checkoutsIn(root)).toSorted((a, b) => a.usedAt - b.usedAt)
  const now = Date.now()
  for (const [index, { place, usedAt }] of found.entries()) {
    const age = now - usedAt
    const isTooMany = found.length - index > most
    if (age > inUseMs && (isTooMany || age > unusedMs) && !isUsed(place)) await putAside(place, inUseMs)
  }
}

/**
 * Takes a checkout's name from it in one step and then removes it, so that nobody meets half of one.
 * @param inUseMs one that was used since then gets its name back
 */
async function putAside(place: string, inUseMs: number): Promise<void> {
  const aside = join(dirname(place), markedName(ASIDE))
  try {
    await rename(place, aside)
  } catch (error) {
    // Another process was faster.
    if (isAbsent(error)) return
    throw error
  }
  if (await isInUse(aside, inUseMs)) {
    const isBack = await rename(aside, place).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        // Its user has made it anew in the meantime.
        if (error.code === 'ENOTEMPTY' || error.code === 'EEXIST') return false
        throw error
      },
    )
    if (isBack) return
  }
  await removeTree(aside)
}

/**
 * Takes the name from a checkout that is not as it was made. On a shared volume it may be so for this machine alone, and
 * tests may run on it: what was used shortly ago stays on the disk, and a later start removes it.
 */
export async function putBrokenAside(place: string, inUseMs: number): Promise<void> {
  const aside = join(dirname(place), markedName(ASIDE))
  try {
    await rename(place, aside)
  } catch (error) {
    if (isAbsent(error)) return
    throw error
  }
  if (!(await isInUse(aside, inUseMs))) await removeTree(aside)
}

/** Removes what processes that are no more were making or removing. */
export async function sweepLeftovers(root: string, fresh: string, inUseMs: number): Promise<void> {
  for (const project of await readdir(root)) {
    for (const name of await entriesOf(join(root, project))) {
      const directory = join(root, project, name)
      const isOld = (await isLeftover(directory, ASIDE)) && !(await isInUse(directory, inUseMs))
      if (isOld || (await isLeftover(directory, fresh))) await removeTree(directory)
    }
  }
}

async function isInUse(directory: string, inUseMs: number): Promise<boolean> {
  const found = await statOf(directory)
  return found !== null && Date.now() - found.mtimeMs < inUseMs
}

async function checkoutsIn(root: string): Promise<{ place: string; usedAt: number }[]> {
  const places: { place: string; usedAt: number }[] = []
  for (const project of await readdir(root)) {
    for (const name of await entriesOf(join(root, project))) {
      const place = join(root, project, name)
      const found = /^[0-9a-f]{40,64}$/.test(name) ? await statOf(place) : null
      if (found?.isDirectory()) places.push({ place, usedAt: found.mtimeMs })
    }
  }
  return places
}

async function entriesOf(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((error) => {
    if (isAbsent(error)) return []
    throw error
  })
}

async function statOf(path: string) {
  return lstat(path).catch((error) => {
    if (isAbsent(error)) return null
    throw error
  })
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}
