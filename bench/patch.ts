import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { defaultSearchPath, gitEnvironment } from '../src/adapters/git/git-environment.ts'
import { createGitStore } from '../src/adapters/git/git-store.ts'
import type { GitStore } from '../src/domain/ports/git-store.ts'

/**
 * From a patch to a commit on a branch: this engine, beside `git apply --index` and `git commit` in a work tree. Both
 * do the same patches on the same files with the same settings of git (also for what is synced to the disk), in turns.
 * What one has left to be written is written before the other begins, so that neither waits for the other's data.
 * Usage: node bench/patch.ts [--sizes 100,10000,50000] [--touched 1,20] [--rounds 30] [--json]
 */
const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100,10000,50000' },
    touched: { type: 'string', default: '1,20' },
    rounds: { type: 'string', default: '30' },
    json: { type: 'boolean', default: false },
  },
})
const numbers = (text: string) => text.split(',').map(Number)
const rounds = Number(values.rounds)
const warmUp = 3
const filesPerDirectory = 100

interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

interface Measured {
  readonly files: number
  readonly touched: number
  readonly engine: Spread
  readonly workTree: Spread
  /** How many times the engine's time git's work tree takes. */
  readonly ratio: number
}

const author = { name: 'Bench', email: 'bench@localhost', at: new Date('2026-01-01T00:00:00Z') }

const pathOf = (index: number) => `src/d${Math.floor(index / filesPerDirectory)}/file-${index}.txt`

const filler = Array.from({ length: 40 }, (_, line) => `line ${line} of some length, as in a source file`)

const contentOf = (index: number, round: number) =>
  `${[...filler.slice(0, 20), `file ${index} round ${round}`, ...filler.slice(20)].join('\n')}\n`

/** One at a time: a process that holds much memory starts others more slowly. */
function* startOf(files: number) {
  for (let index = 0; index < files; index++) {
    yield { path: pathOf(index), mode: '100644' as const, content: Buffer.from(contentOf(index, 0)) }
  }
}

/** The patch of one round: the same line of these files, one step on. Files are taken from all over the tree. */
function patchOf(files: number, touched: number, round: number): string {
  const step = Math.max(1, Math.floor(files / touched))
  return Array.from({ length: touched }, (_, number) => {
    const index = number * step
    const path = pathOf(index)
    const context = (from: number, to: number) => filler.slice(from, to).map((line) => ` ${line}\n`)
    return [
      `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n@@ -18,7 +18,7 @@\n`,
      ...context(17, 20),
      `-file ${index} round ${round}\n+file ${index} round ${round + 1}\n`,
      ...context(20, 23),
    ].join('')
  }).join('')
}

function runGit(home: string, cwd: string, args: readonly string[], stdin = ''): Promise<string> {
  const child = spawn('git', args, {
    cwd,
    env: {
      ...gitEnvironment({ home, searchPath: defaultSearchPath }, [['protocol.file.allow', 'always']]),
      GIT_AUTHOR_NAME: author.name,
      GIT_AUTHOR_EMAIL: author.email,
      GIT_COMMITTER_NAME: author.name,
      GIT_COMMITTER_EMAIL: author.email,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const output: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  const words: Buffer[] = []
  child.stderr.on('data', (chunk: Buffer) => words.push(chunk))
  // A git that refuses its input closes the pipe; its exit code tells.
  child.stdin.on('error', () => undefined)
  child.stdin.end(stdin)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(output).toString().trim())
      else reject(new Error(`git ${args.join(' ')} ended with ${code}: ${Buffer.concat(words)}`))
    })
  })
}

async function measure(store: GitStore, directory: string, files: number, touched: number): Promise<Measured> {
  const id = store.newDraft()
  await store.create(id, { objectFormat: 'SHA1', branch: 'main' })
  let head = await store.importFiles(id, startOf(files), { branch: 'main', message: 'Start', author })
  const workTree = join(directory, `work-${files}-${touched}`)
  const home = join(directory, 'home')
  mkdirSync(home, { recursive: true })
  await runGit(home, directory, ['clone', '-q', '--no-local', store.directory(id), workTree])

  const byEngine = async (patch: string) => {
    const { tree } = await store.applyPatch(id, await store.treeOf(id, head), patch)
    const commit = await store.writeCommit(id, { tree, parents: [head], message: 'Step', author, committer: author })
    if (!(await store.moveBranch(id, 'main', head, commit))) throw new Error('the branch was elsewhere')
    head = commit
  }
  const byWorkTree = async (patch: string) => {
    await runGit(home, workTree, ['apply', '--index', '-'], patch)
    await runGit(home, workTree, ['commit', '-q', '-m', 'Step'])
  }
  const times = { engine: [] as number[], workTree: [] as number[] }
  for (let round = 0; round < warmUp + rounds; round++) {
    const patch = patchOf(files, touched, round)
    for (const [name, work] of [
      ['engine', byEngine],
      ['workTree', byWorkTree],
    ] as const) {
      execFileSync('sync', ['-f', directory])
      const begun = performance.now()
      await work(patch)
      if (round >= warmUp) times[name].push(performance.now() - begun)
    }
  }
  const tree = await runGit(home, workTree, ['rev-parse', 'HEAD^{tree}'])
  if (tree !== (await store.treeOf(id, head))) throw new Error('the two ways led to different trees')
  const engine = spreadOf(times.engine)
  const git = spreadOf(times.workTree)
  await store.remove(id)
  rmSync(workTree, { recursive: true, force: true })
  return { files, touched, engine, workTree: git, ratio: git.median / engine.median }
}

/** The median and the tenth and ninetieth hundredth, in milliseconds. */
function spreadOf(times: readonly number[]): Spread {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
  return { median: at(0.5), low: at(0.1), high: at(0.9) }
}

const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
const store = createGitStore({
  root: join(directory, 'repositories'),
  scratch: join(directory, 'scratch'),
  allowedProtocols: [],
  allowedHosts: null,
})
const results: Measured[] = []
try {
  for (const files of numbers(values.sizes)) {
    for (const touched of numbers(values.touched)) {
      const result = await measure(store, directory, files, touched)
      results.push(result)
      const show = ({ median, low, high }: Spread) =>
        `${median.toFixed(1)} ms (${low.toFixed(1)} to ${high.toFixed(1)})`.padEnd(28)
      if (!values.json) {
        console.log(
          `${String(files).padStart(6)} files, ${String(touched).padStart(2)} touched  engine ${show(result.engine)}` +
            `work tree ${show(result.workTree)}ratio ${result.ratio.toFixed(2)}`,
        )
      }
    }
  }
  if (values.json) console.log(JSON.stringify(results, null, 2))
} finally {
  await store[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true, force: true })
}
