/** A store on directories of its own, and what the tests look at from outside with a git of their own. */

import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createGitStore, type GitStoreOptions } from '../../src/adapters/git/git-store.ts'
import type { GitStore, ObjectFormat, TreeChange } from '../../src/domain/ports/git-store.ts'

const run = promisify(execFile)

export const author = { name: 'Ada', email: 'ada@example.com', at: new Date('2024-05-01T10:00:00Z') }

export interface StoreFixture {
  readonly store: GitStore
  readonly directory: string
  readonly scratch: string
  readonly spawns: (readonly string[])[]
  /** A project whose branch main has these files in one commit. */
  project(files?: Record<string, string | Buffer>, format?: ObjectFormat): Promise<Project>
  /** A repository without a commit, which is no project's yet. */
  draft(format?: ObjectFormat): Promise<Draft>
  leftovers(): Promise<string[]>
  [Symbol.asyncDispose](): Promise<void>
}

export interface Project extends Draft {
  readonly head: string
  readonly tree: string
}

export interface Draft {
  /** Stands for a project's id. */
  readonly id: string
  /** Runs git on the project's repository from outside. */
  git(...args: string[]): Promise<string>
  refs(): Promise<string[]>
  /** The files of a tree as text. */
  files(tree: string): Promise<Record<string, string>>
}

export async function openStore(options: Partial<GitStoreOptions> = {}): Promise<StoreFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-git-'))
  const scratch = join(directory, 'scratch')
  const spawns: (readonly string[])[] = []
  const store = createGitStore({
    root: join(directory, 'repositories'),
    scratch,
    allowedProtocols: ['https', 'ssh'],
    allowedHosts: null,
    onSpawn: (argv) => spawns.push(argv),
    ...options,
  })
  const lookAt = (id: string): Draft => {
    const git = async (...args: string[]) => {
      const { stdout } = await run('git', [`--git-dir=${store.directory(id)}`, ...args], { maxBuffer: 1e9 })
      return stdout
    }
    return {
      id,
      git,
      refs: async () => (await git('for-each-ref', '--format=%(refname)')).split('\n').filter((ref) => ref !== ''),
      async files(tree) {
        const entries = await store.listFiles(id, tree)
        const read = entries.map(async ({ path }) => {
          const file = await store.readFile(id, tree, path)
          return [path, file?.content.toString('utf8') ?? ''] as const
        })
        return Object.fromEntries(await Promise.all(read))
      },
    }
  }
  const draft = async (format: ObjectFormat = 'SHA1') => {
    const id = store.newDraft()
    await store.create(id, { objectFormat: format, branch: 'main' })
    return lookAt(id)
  }
  return {
    store,
    directory,
    scratch,
    spawns,
    async project(files = {}, format = 'SHA1') {
      const id = randomUUID()
      const made = await draft(format)
      const list = Object.entries(files).map(([path, content]) => ({
        path,
        mode: '100644' as const,
        content: Buffer.from(content),
      }))
      const head = await store.importFiles(made.id, list, { branch: 'main', message: 'Start', author })
      await store.publish(made.id, id)
      return { ...lookAt(id), head, tree: await store.treeOf(id, head) }
    },
    draft,
    leftovers: () => readdir(scratch),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** A tree with a symbolic link, which the store itself does not make. */
export async function withLink(project: Project, tree: string, path: string, target: string): Promise<string> {
  const blob = (await gitWithInput(project, ['hash-object', '-w', '--stdin'], target)).trim()
  const listing = await project.git('ls-tree', tree)
  return (await gitWithInput(project, ['mktree'], `${listing}120000 blob ${blob}\t${path}\n`)).trim()
}

export async function gitWithInput(project: Project, args: string[], input: string | Buffer): Promise<string> {
  const directory = (await project.git('rev-parse', '--absolute-git-dir')).trim()
  const pending = run('git', [`--git-dir=${directory}`, ...args])
  pending.child.stdin?.end(input)
  return (await pending).stdout
}

export function change(path: string, content: string | Buffer | null, mode?: TreeChange['mode']): TreeChange {
  const bytes = content === null ? null : Buffer.from(content)
  return mode === undefined ? { path, content: bytes } : { path, content: bytes, mode }
}
