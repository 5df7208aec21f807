import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Checkouts } from '../../domain/ports/checkouts.ts'
import type { FileOwner } from '../../domain/ports/git-store.ts'
import { markedName } from '../sandbox/process-mark.ts'
import { removeTree } from '../sandbox/remove-tree.ts'
import { type CheckoutBounds, putBrokenAside, removeUnused, sweepLeftovers } from './remove-unused.ts'
import { sealOf } from './seal.ts'

export interface CheckoutOptions {
  /** The directory that holds them: <root>/<project>/<tree>, each with its files and their seal. */
  readonly root: string
  /** Writes a tree's files into an empty directory. */
  readonly materialize: (projectId: string, tree: string, directory: string, owner: FileOwner | null) => Promise<void>
  /** Who copies a file up on writing it; null: the server's own user. */
  readonly owner: FileOwner | null
  readonly bounds?: Partial<CheckoutBounds>
}

type Preparation = 'found' | 'made'

const FRESH = 'new'
const PROJECT = /^[0-9a-f-]{36}$/i
const TREE = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

/** Longer than any test may run, so that what a process of another machine uses is not removed. */
const defaultBounds: CheckoutBounds = { most: 64, unusedMs: 7 * 24 * 3_600_000, inUseMs: 20 * 60_000 }

/**
 * Checkouts on a disk, shared by all processes with the same directory. What a killed process left half made
 * is swept here, once.
 */
export async function createCheckouts(options: CheckoutOptions): Promise<Checkouts> {
  const { root } = options
  const bounds = { ...defaultBounds, ...options.bounds }
  await mkdir(root, { recursive: true, mode: 0o700 })
  await sweepLeftovers(root, FRESH, bounds.inUseMs)
  await removeUnused(root, bounds, () => false)
  const ready = new Map<string, Promise<Preparation>>()
  const users = new Map<string, number>()

  /** The checkout's place, made or found to be as it was left; looked at once in a process. */
  const prepare = (projectId: string, tree: string, place: string): Promise<Preparation> => {
    const known = ready.get(place)
    if (known) return known.then(() => 'found')
    const prepared = findOrMake(options, projectId, tree, place, bounds.inUseMs)
    ready.set(place, prepared)
    prepared.catch(() => ready.delete(place))
    return prepared
  }
  /** Marks its use by its time; false when another process has removed it. */
  const touch = (place: string): boolean => {
    try {
      utimesSync(place, new Date(), new Date())
      return statSync(join(place, 'files')).isDirectory()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      ready.delete(place)
      return false
    }
  }

  return {
    async with(projectId, tree, use) {
      if (!PROJECT.test(projectId) || !TREE.test(tree)) throw new TypeError('a checkout is of a project and a tree')
      const place = join(root, projectId.toLowerCase(), tree)
      users.set(place, (users.get(place) ?? 0) + 1)
      let hasMade = false
      try {
        do hasMade = (await prepare(projectId, tree, place)) === 'made' || hasMade
        while (!touch(place))
        return await use(join(place, 'files'))
      } finally {
        const others = (users.get(place) ?? 1) - 1
        if (others === 0) users.delete(place)
        else users.set(place, others)
        // Only a new one can be one too many.
        if (hasMade) await removeUnused(root, bounds, (other) => users.has(other))
      }
    },
  }
}

async function findOrMake(
  options: CheckoutOptions,
  projectId: string,
  tree: string,
  place: string,
  inUseMs: number,
): Promise<Preparation> {
  const project = join(options.root, projectId.toLowerCase())
  await mkdir(project, { recursive: true, mode: 0o700 })
  if (await isIntact(place)) return 'found'
  await putBrokenAside(place, inUseMs)
  const fresh = join(project, markedName(FRESH))
  const files = join(fresh, 'files')
  try {
    await mkdir(files, { recursive: true, mode: 0o755 })
    await options.materialize(projectId, tree, files, options.owner)
    writeFileSync(join(fresh, 'seal'), await sealOf(files))
    // Last: what has its name is whole.
    await rename(fresh, place)
    return 'made'
  } catch (error) {
    await removeTree(fresh)
    const isOthers = ['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')
    // Another process was faster; what it made is looked at as any other.
    if (!isOthers || !(await isIntact(place))) throw error
    return 'found'
  }
}

/** Whether a checkout is there and nothing in it has changed since it was made, by whomever, a power cut among them. */
async function isIntact(place: string): Promise<boolean> {
  try {
    const seal = readFileSync(join(place, 'seal'), 'utf8')
    return seal === (await sealOf(join(place, 'files')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
