/** The store of the projects' repositories, put together from its parts. */

import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { access, mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { NotFoundError } from '../../domain/errors.ts'
import {
  type CommitInfo,
  type GitStore,
  type ObjectFormat,
  RepositoryMissingError,
} from '../../domain/ports/git-store.ts'
import { applyPatch } from './apply-patch.ts'
import { branchRef, isUuid } from './branch-names.ts'
import { changeTree } from './change-tree.ts'
import { draftDirectory, draftPrefix, newDraft, publishDraft, writeTemplate } from './draft-repository.ts'
import { createEvidenceSource } from './evidence-source.ts'
import { fetchRemote } from './fetch-remote.ts'
import { createGitClient } from './git-client.ts'
import { defaultSearchPath } from './git-environment.ts'
import { type HashName, isObjectId, newObject, parseCommit, serialiseCommit } from './git-objects.ts'
import { importArchive } from './import-archive.ts'
import { importFiles } from './import-files.ts'
import { importRemote } from './import-remote.ts'
import { materialize } from './materialize.ts'
import { mergeChange } from './merge-change.ts'
import { addNote } from './notes.ts'
import { pushNotes } from './notes-remote.ts'
import { createObjectReaders } from './object-readers.ts'
import { pushRemote } from './push-remote.ts'
import { directoryEntries, listFiles, readContent, readFile } from './read-tree.ts'
import { createRefWriters } from './ref-writers.ts'
import {
  branchContains,
  branchHead,
  containedCommits,
  firstBranch,
  keepCommit,
  moveBranch,
  releaseCommit,
  resolveCommit,
} from './refs.ts'
import { openKeyDirectory } from './remote-ssh.ts'
import type { RemoteContext } from './remote-talk.ts'
import { type Repository, treeOfObject } from './repository.ts'
import { createRepositoryCare } from './repository-care.ts'
import { createRepositoryCopies } from './repository-copies.ts'
import { createGitRunner, type GitRunnerOptions } from './run-git.ts'
import { storeArchive } from './store-archive.ts'
import { streamBlobs } from './stream-blobs.ts'
import { treeChanges } from './tree-changes.ts'
import { changedFiles, patchBetween, patchParts } from './tree-diff.ts'
import { walkFiles } from './walk-files.ts'
import { writeObjects } from './write-objects.ts'

export interface GitStoreOptions {
  /** The directory that holds the bare repositories. */
  readonly root: string
  /** A directory for what lives as long as one patch; what a crash left there is swept when a store is made. */
  readonly scratch: string
  /** Of https, http, ssh and file. */
  readonly allowedProtocols: readonly string[]
  /** Host names that may be remotes, also in private networks; null for every public one. */
  readonly allowedHosts: readonly string[] | null
  /** Also hosts in loopback, link-local and private networks (default no). */
  readonly allowPrivateHosts?: boolean
  /** For one git process, in milliseconds (default one minute). */
  readonly timeoutMs?: number
  /** For talking to a remote, in milliseconds (default ten minutes). */
  readonly remoteTimeoutMs?: number
  /** For a reference that another git has locked, in milliseconds (default ten seconds). */
  readonly lockTimeoutMs?: number
  /** Directories in which git is found, separated by colons. */
  readonly searchPath?: string
  /** Told the arguments of every git process before it starts. */
  readonly onSpawn?: (argv: readonly string[]) => void
}

const readerLimits = { idleMs: 5000, open: 16 }

const leftoverMs = 3_600_000

const rememberedFormats = 10_000

export function createGitStore(options: GitStoreOptions): GitStore {
  const root = resolve(options.root)
  const scratch = resolve(options.scratch)
  const home = join(root, '.home')
  const template = join(root, '.template')
  const keys = join(root, '.keys')
  const remoteTimeoutMs = options.remoteTimeoutMs ?? 600_000
  for (const directory of [home, template, scratch]) mkdirSync(directory, { recursive: true, mode: 0o700 })
  writeTemplate(template)
  sweep(scratch, 'patch-')
  sweep(root, draftPrefix)
  openKeyDirectory(keys, 2 * remoteTimeoutMs)
  const runnerOptions: GitRunnerOptions = {
    home,
    searchPath: options.searchPath ?? defaultSearchPath,
    timeoutMs: options.timeoutMs ?? 60_000,
    lockTimeoutMs: options.lockTimeoutMs,
    onSpawn: options.onSpawn,
  }
  const git = createGitRunner(runnerOptions)
  const client = createGitClient(runnerOptions)
  const readers = createObjectReaders(runnerOptions, readerLimits)
  const writers = createRefWriters(runnerOptions, readerLimits)
  const rules = {
    allowedProtocols: options.allowedProtocols,
    allowedHosts: options.allowedHosts?.map((host) => host.toLowerCase()) ?? null,
    allowPrivateHosts: options.allowPrivateHosts ?? false,
  }
  const hashes = new Map<string, HashName>()

  const directoryOf = (projectId: string): string => {
    const draft = draftDirectory(root, projectId)
    if (draft !== null) return draft
    if (!isUuid(projectId)) throw new TypeError('a project id is a UUID')
    return join(root, `${projectId.toLowerCase()}.git`)
  }
  const forget = async (directory: string) => {
    hashes.delete(directory)
    await Promise.all([readers.drop(directory), writers.drop(directory)])
  }
  const hashOf = async (projectId: string, directory: string): Promise<HashName> => {
    const known = hashes.get(directory)
    if (known) return known
    try {
      await access(join(directory, 'HEAD'))
    } catch {
      throw new RepositoryMissingError(projectId)
    }
    const format = await client({ repository: directory }, (each) => each.revparse(['--show-object-format']))
    const hash = format === 'sha256' ? 'sha256' : 'sha1'
    if (hashes.size >= rememberedFormats) hashes.clear()
    hashes.set(directory, hash)
    return hash
  }
  const open = async (projectId: string): Promise<Repository> => {
    const directory = directoryOf(projectId)
    return {
      directory,
      hash: await hashOf(projectId, directory),
      git: (run) => git({ ...run, repository: directory }),
      info: (name) => readers.info(directory, name),
      contents: (name) => readers.contents(directory, name),
      moveRef: (ref, to, from) => writers.move(directory, ref, to, from),
    }
  }
  const remoteContext = async (projectId: string): Promise<RemoteContext> => ({
    repository: await open(projectId),
    rules,
    keys,
    timeoutMs: remoteTimeoutMs,
  })
  const treeOf = async (repository: Repository, treeish: string): Promise<string> => {
    const tree = await treeOfObject(repository, treeish)
    if (tree === null) throw new NotFoundError('tree', treeish)
    return tree
  }
  const commitInfo = async (repository: Repository, oid: string): Promise<CommitInfo | null> => {
    const object = isObjectId(oid) ? await repository.contents(oid) : null
    return object?.kind === 'commit' ? parseCommit(object.id, object.content) : null
  }

  const requireDraft = (draft: string): string => {
    const directory = draftDirectory(root, draft)
    if (directory === null) throw new TypeError('only a draft is made or removed')
    return directory
  }
  const firstBranchOf = async (projectId: string) => {
    try {
      return await firstBranch(await open(projectId))
    } catch (error) {
      if (error instanceof RepositoryMissingError) return null
      throw error
    }
  }

  return {
    ...createRepositoryCare(directoryOf, open),
    ...createRepositoryCopies(open, runnerOptions),
    directory: directoryOf,

    newDraft,
    async create(draft, { objectFormat, branch }) {
      const directory = requireDraft(draft)
      branchRef(branch)
      await mkdir(directory, { mode: 0o700 })
      await client({ repository: directory, environment: { GIT_TEMPLATE_DIR: template } }, (each) =>
        each.raw(['init', '--bare', `--initial-branch=${branch}`, formatArgument(objectFormat)]),
      )
    },
    async publish(draft, projectId) {
      const from = requireDraft(draft)
      const directory = directoryOf(projectId)
      await Promise.all([forget(from), forget(directory)])
      return await publishDraft(root, from, directory, async () => (await firstBranchOf(projectId)) !== null)
    },
    firstBranch: firstBranchOf,
    async remove(draft) {
      const directory = requireDraft(draft)
      await forget(directory)
      await rm(directory, { recursive: true, force: true })
    },

    async importFiles(projectId, files, commit) {
      return await importFiles(await open(projectId), files, commit)
    },
    async importArchive(projectId, archive, commit) {
      return await importArchive(await open(projectId), archive, commit)
    },
    async storeArchive(projectId, archive, commit) {
      return await storeArchive({ repository: await open(projectId), git, root }, archive, commit)
    },
    async importRemote(projectId, remote, branch, signal) {
      return await importRemote(await remoteContext(projectId), remote, branch, signal)
    },
    async fetchRemote(projectId, remote, branch, signal, use) {
      return await fetchRemote(await remoteContext(projectId), remote, branch, signal, use)
    },
    async push(projectId, remote, branch, oid, signal) {
      return await pushRemote(await remoteContext(projectId), remote, branch, oid, signal)
    },
    async pushNotes(projectId, remote, signal) {
      await pushNotes(await remoteContext(projectId), remote, signal)
    },

    async evidenceSource(projectId) {
      const repository = await open(projectId)
      return createEvidenceSource(repository, (ids) => streamBlobs(runnerOptions, repository.directory, ids))
    },
    async addNote(projectId, commit, content, at) {
      await addNote(await open(projectId), commit, content, at)
    },

    async branchHead(projectId, branch) {
      return await branchHead(await open(projectId), branch)
    },
    async resolveCommit(projectId, revision) {
      return await resolveCommit(await open(projectId), revision)
    },
    async commitInfo(projectId, oid) {
      return await commitInfo(await open(projectId), oid)
    },
    async log(projectId, from, { skip, limit }) {
      const repository = await open(projectId)
      const start = await resolveCommit(repository, from)
      if (start === null || limit <= 0) return []
      const page = [`--skip=${Math.max(0, Math.trunc(skip))}`, `--max-count=${Math.trunc(limit)}`]
      const ids = await client({ repository: repository.directory }, (each) =>
        each.raw(['rev-list', ...page, '--end-of-options', start, '--']),
      )
      const commits = await Promise.all(ids.split('\n').map((oid) => commitInfo(repository, oid)))
      return commits.filter((commit) => commit !== null)
    },
    async treeOf(projectId, commit) {
      return await treeOf(await open(projectId), commit)
    },
    async entries(projectId, treeish, path) {
      const repository = await open(projectId)
      return await directoryEntries(repository, await treeOf(repository, treeish), path)
    },
    async listFiles(projectId, treeish) {
      const repository = await open(projectId)
      return await listFiles(repository, await treeOf(repository, treeish))
    },
    async *files(projectId, treeish, range = {}) {
      const repository = await open(projectId)
      yield* walkFiles(repository, await treeOf(repository, treeish), range)
    },
    async *contents(projectId, objectIds) {
      const { directory } = await open(projectId)
      yield* streamBlobs(runnerOptions, directory, objectIds)
    },
    async readFile(projectId, treeish, path) {
      const repository = await open(projectId)
      const tree = await treeOfObject(repository, treeish)
      return tree === null ? null : await readFile(repository, tree, path)
    },
    async readContent(projectId, treeish, path) {
      return await readContent(await open(projectId), treeish, path)
    },
    async readBlob(projectId, objectId) {
      const repository = await open(projectId)
      const object = isObjectId(objectId) ? await repository.contents(objectId) : null
      return object?.kind === 'blob' ? object.content : null
    },
    async containedCommits(projectId, head, oids) {
      return await containedCommits(await open(projectId), head, oids)
    },
    async branchContains(projectId, branch, oid) {
      return await branchContains(await open(projectId), branch, oid)
    },

    async changeTree(projectId, tree, changes) {
      const repository = await open(projectId)
      return await changeTree(repository, await treeOf(repository, tree), changes)
    },
    async changedFiles(projectId, fromTree, toTree) {
      const repository = await open(projectId)
      return await changedFiles(repository, await treeOf(repository, fromTree), await treeOf(repository, toTree))
    },
    async treeChanges(projectId, fromTree, toTree, bounds) {
      const repository = await open(projectId)
      const [from, to] = await Promise.all([treeOf(repository, fromTree), treeOf(repository, toTree)])
      return await treeChanges(repository, from, to, bounds)
    },
    async patchBetween(projectId, fromTree, toTree) {
      const repository = await open(projectId)
      return await patchBetween(repository, await treeOf(repository, fromTree), await treeOf(repository, toTree))
    },
    async patchParts(projectId, fromTree, toTree) {
      const repository = await open(projectId)
      return await patchParts(repository, await treeOf(repository, fromTree), await treeOf(repository, toTree))
    },
    async applyPatch(projectId, baseTree, patch) {
      const repository = await open(projectId)
      return await applyPatch({ repository, git, scratch }, await treeOf(repository, baseTree), patch)
    },

    async mergeChange(projectId, change, onto) {
      return await mergeChange(await open(projectId), change, onto)
    },
    async writeCommit(projectId, request) {
      const repository = await open(projectId)
      const commit = newObject(repository.hash, 'commit', serialiseCommit(request))
      await writeObjects(repository, [commit])
      return commit.id
    },
    async moveBranch(projectId, branch, from, to) {
      return await moveBranch(await open(projectId), branch, from, to)
    },
    async keep(projectId, kind, id, commit) {
      await keepCommit(await open(projectId), kind, id, commit)
    },
    async release(projectId, kind, id) {
      await releaseCommit(await open(projectId), kind, id)
    },

    async materialize(projectId, tree, directory, owner = null) {
      const repository = await open(projectId)
      const blobs = (ids: readonly string[]) => streamBlobs(runnerOptions, repository.directory, ids)
      await materialize({ repository, blobs }, await treeOf(repository, tree), directory, owner)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([readers.dropAll(), writers.dropAll()])
    },
  }
}

/** Removes old leftovers; young ones may belong to another process at work. */
function sweep(directory: string, prefix: string): void {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    if (name.startsWith(prefix) && age > leftoverMs) rmSync(path, { recursive: true, force: true })
  }
}

function formatArgument(format: ObjectFormat): string {
  return `--object-format=${format === 'SHA256' ? 'sha256' : 'sha1'}`
}
