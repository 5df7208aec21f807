/** An uploaded archive beside what a repository already has: nothing of it is there until all of it is. */

import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Signature } from '../../domain/ports/git-store.ts'
import { importArchive } from './import-archive.ts'
import type { Repository } from './repository.ts'
import type { GitRunner } from './run-git.ts'

interface ArchiveContext {
  readonly repository: Repository
  readonly git: GitRunner
  /** Holds the repositories, so that a pack can be moved into one. */
  readonly root: string
}

/** Git finds a pack by its index: that has to come last. */
const packSuffixes = ['.pack', '.rev', '.idx']

/**
 * The archive becomes one pack of a repository of its own, which borrows the other's objects and so holds only what is
 * new; then that pack is moved over.
 * @returns the commit, which no ref has
 * @throws SourceRejectedError, naming the entry; whatever reading the upload throws
 */
export async function storeArchive(
  { repository, git, root }: ArchiveContext,
  archive: AsyncIterable<Uint8Array>,
  commit: { readonly message: string; readonly author: Signature },
): Promise<string> {
  const directory = await mkdtemp(join(root, '.new-'))
  try {
    await git({ args: ['init', '--quiet', '--bare', `--object-format=${repository.hash}`, '--template=', directory] })
    await writeFile(join(directory, 'objects', 'info', 'alternates'), `${join(repository.directory, 'objects')}\n`)
    const aside: Repository = { ...repository, directory, git: (run) => git({ ...run, repository: directory }) }
    const oid = await importArchive(aside, archive, { ...commit, branch: 'archive' })
    const packs = join(directory, 'objects', 'pack')
    const names = await readdir(packs)
    for (const suffix of packSuffixes) {
      for (const name of names.filter((each) => each.endsWith(suffix))) {
        await rename(join(packs, name), join(repository.directory, 'objects', 'pack', name))
      }
    }
    return oid
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
