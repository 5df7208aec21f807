import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { defaultSearchPath, type GitConfiguration, gitEnvironment } from '../../src/adapters/git/git-environment.ts'
import { createGitStore } from '../../src/adapters/git/git-store.ts'
import type { GitStore, Signature } from '../../src/domain/ports/git-store.ts'

/** Who writes commits, always at the same time: the same files give the same ids. */
export const author: Signature = {
  name: 'Bench',
  email: 'bench@localhost',
  at: new Date('2026-01-01T00:00:00Z'),
}

export interface CountedStore extends AsyncDisposable {
  readonly store: GitStore
  /** How many git processes the store has started so far. */
  readonly started: () => number
}

/** The product's store of repositories in a folder. */
export const openStore = (directory: string): CountedStore => {
  let count = 0
  const store = createGitStore({
    root: join(directory, 'repositories'),
    scratch: join(directory, 'scratch'),
    allowedProtocols: [],
    allowedHosts: null,
    onSpawn: () => {
      count += 1
    },
  })
  return { store, started: () => count, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() }
}

/**
 * Git from a command line, set as the product's own is, also for what is synced to the disk. It gives what that prints,
 * without the last line end, and throws with its words when it fails.
 */
export type BareGit = (cwd: string, args: readonly string[], options?: GitOptions) => Promise<string>

interface GitOptions {
  readonly stdin?: string
  /** An index file in place of the work tree's own. */
  readonly index?: string
}

/**
 * @param directory gets a home for git that is empty
 * @param settings in place of the product's own
 */
export const openBareGit = (directory: string, settings: GitConfiguration = []): BareGit => {
  const home = join(directory, 'home')
  mkdirSync(home, { recursive: true })
  const env = {
    ...gitEnvironment({ home, searchPath: defaultSearchPath }, [['protocol.file.allow', 'always'], ...settings]),
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_COMMITTER_NAME: author.name,
    GIT_COMMITTER_EMAIL: author.email,
  }
  return (cwd, args, { stdin = '', index } = {}) => {
    const child = spawn('git', args, {
      cwd,
      env: index === undefined ? env : { ...env, GIT_INDEX_FILE: index },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const output: Buffer[] = []
    const words: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => words.push(chunk))
    // A git that refuses its input closes the pipe; its exit code tells.
    child.stdin.on('error', () => undefined)
    child.stdin.end(stdin)
    return new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code) => {
        if (code === 0) resolve(Buffer.concat(output).toString().trimEnd())
        else reject(new Error(`git ${args.join(' ')} ended with ${code}: ${Buffer.concat(words)}`))
      })
    })
  }
}
