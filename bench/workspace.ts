import { execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createCheckouts } from '../src/adapters/checkouts/checkouts.ts'
import { defaultSearchPath, gitEnvironment } from '../src/adapters/git/git-environment.ts'
import { createGitStore } from '../src/adapters/git/git-store.ts'
import { commandUser } from '../src/adapters/sandbox/command-user.ts'
import { defaultLimits } from '../src/adapters/sandbox/default-limits.ts'
import { createSandbox } from '../src/adapters/sandbox/select.ts'

/**
 * A workspace of many files: the first one on a tree, of which a shared checkout is made, and every further one, which is
 * an overlay on that. Beside each first one, `git worktree add` of the same commit from the same repository. What the
 * sandbox itself takes is taken off: a run in an empty workspace, in the same round.
 *
 * The first one counts on a disk, which is where a server has its data. With TMPDIR in memory there is no disk to wait
 * for, only work, and git has less of it: it neither gives the files to another user nor seals them.
 * Usage: node bench/workspace.ts [--files 10000] [--rounds 9] [--json]
 */
const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '9' },
    json: { type: 'boolean', default: false },
  },
})
const files = Number(values.files)
const rounds = Number(values.rounds)
const warmUp = 1
const author = { name: 'Bench', email: 'bench@localhost', at: new Date('2026-01-01T00:00:00Z') }

const filler = Array.from({ length: 60 }, (_, line) => `line ${line} of something like a source file\n`).join('')
const pathOf = (index: number) => `src/package-${Math.floor(index / 50)}/file-${index}.ts`

function* everyFile() {
  for (let index = 0; index < files; index++) {
    yield { path: pathOf(index), mode: '100644' as const, content: Buffer.from(`file ${index}\n${filler}`) }
  }
}

function git(cwd: string, ...args: string[]): Promise<void> {
  const env = gitEnvironment({ home: cwd, searchPath: defaultSearchPath })
  const child = spawn('git', args, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`git ${args[0]} ended with ${code}`))))
  })
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

const median = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN

const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
const store = createGitStore({
  root: join(directory, 'repositories'),
  scratch: join(directory, 'scratch'),
  allowedProtocols: [],
  allowedHosts: null,
})
try {
  const sandbox = await createSandbox({
    driver: 'bubblewrap',
    searchPath: process.env.PATH ?? '',
    scratch: join(directory, 'workspaces'),
  })
  const found = await sandbox.availability()
  if (!found.available) throw new Error(`${found.reason} To fix it: ${found.remedy}`)
  const checkouts = await createCheckouts({
    root: join(directory, 'checkouts'),
    materialize: store.materialize,
    owner: commandUser(),
  })
  const projectId = randomUUID()
  const draft = store.newDraft()
  await store.create(draft, { objectFormat: 'SHA1', branch: 'main' })
  let head = await store.importFiles(draft, everyFile(), { branch: 'main', message: 'Start', author })
  await store.publish(draft, projectId)
  mkdirSync(join(directory, 'worktrees'))

  const runOn = async (base: string | null, changed: string | null) => {
    const changes = changed === null ? [] : [{ path: pathOf(7), content: changed }]
    const run = { argv: ['true'], workspace: { base, changes }, limits: defaultLimits.standard }
    const { exitCode, stderr } = await sandbox.run(run)
    if (exitCode !== 0) throw new Error(`the command failed: ${stderr}`)
  }
  const times = { worktree: [] as number[], first: [] as number[], further: [] as number[], empty: [] as number[] }
  for (let round = -warmUp; round < rounds; round++) {
    const before = await store.treeOf(projectId, head)
    const content = Buffer.from(`round ${round}\n`)
    const tree = await store.changeTree(projectId, before, [{ path: pathOf(0), content }])
    head = await store.writeCommit(projectId, { tree, parents: [head], message: 'Step', author, committer: author })
    const worktree = join(directory, 'worktrees', `round-${round}`)
    const arms = {
      worktree: () => git(store.directory(projectId), 'worktree', 'add', '-q', '--detach', worktree, head),
      first: () => checkouts.with(projectId, tree, (base) => runOn(base, null)),
      further: () => checkouts.with(projectId, tree, (base) => runOn(base, `changed in ${round}\n`)),
      empty: () => runOn(null, null),
    }
    const order = round % 2 === 0 ? (['worktree', 'first'] as const) : (['first', 'worktree'] as const)
    for (const name of [...order, 'further', 'empty', 'further', 'empty', 'further', 'empty'] as const) {
      if (name === 'worktree' || name === 'first') execFileSync('sync', ['-f', directory])
      const took = await timed(arms[name])
      if (round >= 0) times[name].push(took)
    }
    await git(store.directory(projectId), 'worktree', 'remove', '--force', worktree)
  }
  const medians = {
    worktree: median(times.worktree),
    first: median(times.first.map((took, round) => took - median(times.empty.slice(round * 3, round * 3 + 3)))),
    further: median(times.further.map((took, index) => took - (times.empty[index] ?? 0))),
    sandbox: median(times.empty),
  }
  const ratios = { first: medians.worktree / medians.first, further: medians.worktree / medians.further }
  if (values.json) console.log(JSON.stringify({ files, rounds, medians, ratios }))
  else {
    const line = (name: string, ms: number, ratio?: number) =>
      console.log(
        `${name.padEnd(40)} ${ms.toFixed(1).padStart(8)} ms${ratio ? `   ${ratio.toFixed(1)} times as fast` : ''}`,
      )
    console.log(`${files} files; medians of ${rounds} rounds`)
    line('git worktree add', medians.worktree)
    line('the first workspace on a tree', medians.first, ratios.first)
    line('every further one', medians.further, ratios.further)
    line('the sandbox without files, taken off', medians.sandbox)
  }
} finally {
  await store[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true, force: true })
}
