import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openForeignRepository } from '../../src/adapters/git/foreign-repository.ts'
import { type VerifiedCommit, verifyCommit } from '../../src/domain/evidence/verify-commit.ts'
import type { ForeignRepository } from '../../src/domain/ports/commit-notes.ts'
import type { TestServer } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { commit, gitOf, proposed, review, type ShownDiff } from './gate.ts'
import { addsFile, rowId } from './pipeline.ts'

const run = promisify(execFile)

export const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex')

let files = 0

export interface CommittedDiff {
  readonly diff: ShownDiff
  readonly oid: string
}

/** A change that was approved and committed. */
export const committedChange = async (
  server: TestServer,
  projectId: string,
  input: { readonly content?: string; readonly commitMessage?: string } = {},
): Promise<CommittedDiff> => {
  const content = input.content ?? addsFile(`file-${files++}.txt`, ['a line'])
  const diff = await proposed(server, projectId, { content, commitMessage: input.commitMessage ?? 'Add a file' })
  await review(server, diff)
  const answer = await commit(server, diff.id)
  if (!answer.commit) throw new Error(`${answer.__typename}: ${answer.message} ${answer.missing ?? ''}`)
  return { diff, oid: answer.commit.oid }
}

/** The bytes beside a commit, as git itself gives them; undefined when there are none. */
export const noteOf = async (server: TestServer, projectId: string, oid: string): Promise<Buffer | undefined> => {
  const listed = await gitOf(server, projectId, 'notes', '--ref=countersign', 'list')
  const blob = listed
    .split('\n')
    .find((line) => line.endsWith(oid))
    ?.split(' ')[0]
  if (blob === undefined) return undefined
  const directory = server.context.services.git.directory(rowId(projectId))
  const { stdout } = await run('git', ['--git-dir', directory, 'cat-file', 'blob', blob], { encoding: 'buffer' })
  return stdout
}

export interface Envelope {
  readonly payload: string
  readonly payloadType: string
  readonly signatures: readonly { readonly keyid: string; readonly publicKey: string; readonly sig: string }[]
}

export const envelopeOf = (note: Buffer | undefined): Envelope => JSON.parse(note?.toString('utf8') ?? '')

// biome-ignore lint/suspicious/noExplicitAny: a test knows the shape of what it looks at
export const statementIn = (note: Buffer | undefined): any =>
  JSON.parse(Buffer.from(envelopeOf(note).payload, 'base64').toString('utf8'))

export interface Clone extends AsyncDisposable {
  readonly path: string
  git(...args: string[]): Promise<string>
  /** Runs git with bytes on its standard input. */
  write(bytes: Buffer | string, ...args: string[]): Promise<string>
  /** Gives every object a file of its own. */
  unpack(): Promise<void>
  /** The file of such an object. */
  fileOf(oid: string): string
  open(place?: string): Promise<ForeignRepository & AsyncDisposable>
  /** @param place a linked work tree of the clone */
  verify(revision: string, keyId: string, place?: string): Promise<VerifiedCommit | null>
  /** The names of what is wrong, none when the evidence holds. */
  faults(revision: string, keyId: string, place?: string): Promise<readonly string[]>
}

const environment = (home: string) => ({
  PATH: process.env.PATH,
  HOME: home,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Somebody',
  GIT_AUTHOR_EMAIL: 'somebody@example.com',
  GIT_COMMITTER_NAME: 'Somebody',
  GIT_COMMITTER_EMAIL: 'somebody@example.com',
})

/** A real clone of a repository, its notes fetched as the documents say. */
export const cloneOf = async (directory: string, options: readonly string[] = []): Promise<Clone> => {
  const home = await temporaryDirectory()
  const path = join(home.path, 'clone')
  const env = environment(home.path)
  await run('git', ['clone', '-q', '--no-hardlinks', ...options, `file://${directory}`, path], { env })
  const git = async (...args: string[]) =>
    (await run('git', ['-C', path, ...args], { env, maxBuffer: 1e9 })).stdout.trim()
  await git('fetch', '-q', 'origin', 'refs/notes/countersign:refs/notes/countersign')
  const open = (place = path) =>
    openForeignRepository(place, {
      searchPath: process.env.PATH ?? '',
      timeoutMs: 60_000,
      signal: new AbortController().signal,
    })
  const verify: Clone['verify'] = async (revision, keyId, place) => {
    await using repository = await open(place)
    return await verifyCommit(repository, revision, keyId)
  }
  const write = async (bytes: Buffer | string, ...args: string[]) => {
    const pending = run('git', ['-C', path, ...args], { env })
    pending.child.stdin?.end(bytes)
    return (await pending).stdout.trim()
  }
  return {
    path,
    git,
    write,
    async unpack() {
      const packs = await git('rev-parse', '--path-format=absolute', '--git-path', 'objects/pack')
      for (const name of await readdir(packs)) {
        if (!name.endsWith('.pack')) continue
        // git unpacks nothing that it has already.
        const pack = await readFile(join(packs, name))
        for (const extension of ['.pack', '.idx', '.rev'])
          await rm(join(packs, name.replace('.pack', extension)), { force: true })
        await write(pack, 'unpack-objects', '-q')
      }
    },
    fileOf: (oid) => join(path, '.git', 'objects', oid.slice(0, 2), oid.slice(2)),
    open,
    verify,
    async faults(revision, keyId, place) {
      const verified = await verify(revision, keyId, place)
      if (verified === null) throw new Error(`There is no commit ${revision}.`)
      return verified.faults.map(({ code }) => code)
    },
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  }
}

/** The same of a project. */
export const cloneOfProject = (server: TestServer, projectId: string): Promise<Clone> =>
  cloneOf(server.context.services.git.directory(rowId(projectId)))
