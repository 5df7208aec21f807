/** The hidden references as a whole: which there are, since when, and those of them that nobody needs. */

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { KeptRef } from '../../domain/ports/repository-care.ts'
import { type NewObject, newObject, serialiseCommit, serialiseTree, treeMode } from './git-objects.ts'
import { readRef, swapRef } from './refs.ts'
import type { Repository } from './repository.ts'
import { writeObjects } from './write-objects.ts'

/** Trees that rows alone speak of; it is no row's, and has one level less than those that are. */
const heldRef = 'refs/countersign/held'

const signature = { name: 'Countersign', email: 'countersign@localhost', at: new Date(0) }

export async function keptRefs(repository: Repository): Promise<KeptRef[]> {
  const { stdout } = await repository.git({
    args: ['for-each-ref', '--format=%(refname) %(objectname)', 'refs/countersign/'],
  })
  return stdout
    .toString('utf8')
    .split('\n')
    .flatMap((line) => {
      const [, ref, kind, id, oid] = line.match(/^(refs\/countersign\/([^/ ]+)\/([^ ]+)) ([0-9a-f]+)$/) ?? []
      return ref && kind && id && oid ? [{ ref, kind, id, oid }] : []
    })
}

/** By the files alone: a version's commit may be far older than its reference. */
export async function keptSince(repository: Repository, { ref }: KeptRef): Promise<Date | null> {
  for (const file of [ref, 'packed-refs']) {
    const found = await stat(join(repository.directory, file)).catch(unless('ENOENT'))
    if (found) return found.mtime
  }
  return null
}

const unless = (code: string) => (error: unknown) => {
  if ((error as NodeJS.ErrnoException).code !== code) throw error
  return undefined
}

/** @throws GitCommandError when one of them points elsewhere by now */
export async function releaseRefs(repository: Repository, refs: readonly KeptRef[]): Promise<void> {
  if (refs.length === 0) return
  const commands = refs.map(({ ref, oid }) => `delete ${ref}\0${oid}\0`)
  await repository.git({ args: ['update-ref', '--no-deref', '-z', '--stdin'], stdin: Buffer.from(commands.join('')) })
}

/**
 * @returns the trees that are not there
 * @throws Error when somebody else has held others meanwhile: after a pause an old list must not take a newer one's place
 */
export async function holdTrees(repository: Repository, pages: AsyncIterable<readonly string[]>): Promise<string[]> {
  const before = await readRef(repository, heldRef)
  const missing: string[] = []
  const pageIds: string[] = []
  for await (const page of pages) {
    const kinds = await Promise.all(page.map(async (id) => (await repository.info(id))?.kind))
    missing.push(...page.filter((_, index) => kinds[index] !== 'tree'))
    const there = page.filter((_, index) => kinds[index] === 'tree')
    if (there.length === 0) continue
    const tree = treeOfTrees(repository, there, (id) => id)
    await writeObjects(repository, [tree])
    pageIds.push(tree.id)
  }
  // Names in the order of the pages, which git's order of names is too.
  const tree = treeOfTrees(repository, pageIds, (_, index) => String(index).padStart(8, '0'))
  const commit = newObject(
    repository.hash,
    'commit',
    serialiseCommit({
      tree: tree.id,
      parents: [],
      message: 'Trees that are still spoken of',
      author: signature,
      committer: signature,
    }),
  )
  await writeObjects(repository, [tree, commit])
  if (commit.id !== before && !(await swapRef(repository, heldRef, before, commit.id))) {
    throw new Error(`somebody else maintains ${repository.directory} at the same time`)
  }
  return missing
}

function treeOfTrees(
  { hash }: Repository,
  ids: readonly string[],
  nameOf: (id: string, index: number) => string,
): NewObject {
  const entries = ids.map((id, index) => ({ mode: treeMode, name: nameOf(id, index), id }))
  return newObject(hash, 'tree', serialiseTree(entries))
}
