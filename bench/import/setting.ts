import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { createReadStream, mkdirSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createVersion } from '../../src/domain/version/create-version.ts'
import { readVersion } from '../../src/domain/version/find-version.ts'
import type { VersionRow } from '../../src/domain/version/version.entity.ts'
import type { BenchContext } from '../harness/benchmark.ts'
import { type LocalProduct, makeProject } from '../harness/local-product.ts'
import { type BareGit, openBareGit } from '../harness/repositories.ts'
import { writeFiles } from './files.ts'

/** The same files for both sides: a folder, which is a work tree of git, and an archive of it. */
export interface Setting {
  readonly product: LocalProduct
  readonly git: BareGit
  readonly directory: string
  readonly source: string
  readonly archive: string
  /** A repository of git's that is new. */
  newRepository(): Promise<string>
  /** A project of ours that is new. */
  newProject(): Promise<string>
  /** The archive as a version of a project. */
  importInto(projectId: string): Promise<VersionRow>
  /** `git add -A && git write-tree` of a folder, which is the source when left out. @returns the tree's id */
  addAll(repository: string, folder?: string): Promise<string>
  /** `tar -x` of the archive into an empty folder. */
  unpack(folder: string): void
  /** A folder that is new. */
  newFolder(): Promise<string>
}

export const openSetting = async (context: BenchContext, product: LocalProduct, files: number): Promise<Setting> => {
  const directory = join(context.directory, `of-${files}`)
  const source = join(directory, 'source')
  const archive = join(directory, 'source.tar')
  mkdirSync(source, { recursive: true })
  context.say(`${files} files`)
  writeFiles(source, files, context.random)
  execFileSync('tar', ['-cf', archive, '-C', source, '.'])
  // As git comes: it does not wait until each of ten thousand files is on the disk, as ours does for its pack.
  const git = openBareGit(directory, [['core.fsync', 'committed,-loose-object']])
  return {
    product,
    git,
    directory,
    source,
    archive,
    async newRepository() {
      const repository = join(directory, `git-${randomUUID()}`)
      await git(directory, ['init', '-q', '--bare', repository])
      return repository
    },
    async newProject() {
      const { projectId } = await makeProject(product, `import ${randomUUID()}`, [])
      return projectId
    },
    async importInto(projectId) {
      const { services, viewer } = product
      const content = createReadStream(archive)
      const id = await createVersion(services, viewer, { projectId, message: 'Import', archive: content })
      const version = await readVersion(services.em(), id)
      if (!version) throw new Error('The version is not there.')
      return version
    },
    async addAll(repository, folder = source) {
      const place = [`--git-dir=${repository}`, `--work-tree=${folder}`]
      await git(folder, [...place, 'add', '-A'])
      return await git(folder, [...place, 'write-tree'])
    },
    unpack(folder) {
      execFileSync('tar', ['-xf', archive, '-C', folder])
    },
    async newFolder() {
      const folder = join(directory, `folder-${randomUUID()}`)
      await mkdir(folder)
      return folder
    },
  }
}

export const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true })
