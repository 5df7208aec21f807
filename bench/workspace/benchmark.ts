import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createCheckouts } from '../../src/adapters/checkouts/checkouts.ts'
import { commandUser } from '../../src/adapters/sandbox/command-user.ts'
import { defaultLimits } from '../../src/adapters/sandbox/default-limits.ts'
import type { Benchmark } from '../harness/benchmark.ts'
import { type Arm, paired, timed } from '../harness/paired.ts'
import { author, openBareGit, openStore } from '../harness/repositories.ts'
import { openSandbox } from '../harness/sandbox.ts'
import { syncDisk } from '../harness/sync.ts'

const fullFiles = 10_000
const smallFiles = 60

const filler = Array.from({ length: 60 }, (_, line) => `line ${line} of something like a source file\n`).join('')
const pathOf = (index: number): string => `src/package-${Math.floor(index / 50)}/file-${index}.ts`

function* everyFile(files: number) {
  for (let index = 0; index < files; index++) {
    yield { path: pathOf(index), mode: '100644' as const, content: Buffer.from(`file ${index}\n${filler}`) }
  }
}

// Which files there are, whatever the order in which a file system has them.
const listing = ['sh', '-c', 'find . -type f ! -name .git | LC_ALL=C sort | sha256sum']

export const benchmark: Benchmark = {
  name: 'workspace',
  about:
    'A workspace of 10,000 files for a test, beside `git worktree add` of the same commit. The first one on a tree makes the shared checkout; every further one is an overlay on that, with a change of its own. What the sandbox itself takes is taken off: a run in an empty workspace, right after it.',
  async measure(context) {
    const { directory } = context
    const files = context.isSmall ? smallFiles : fullFiles
    const sandbox = await openSandbox(context)
    if (sandbox === null) return []
    await using opened = openStore(directory)
    const { store, started } = opened
    const git = openBareGit(directory)
    const checkouts = await createCheckouts({
      root: join(directory, 'checkouts'),
      materialize: store.materialize,
      owner: commandUser(),
    })
    const projectId = randomUUID()
    const draft = store.newDraft()
    await store.create(draft, { objectFormat: 'SHA1', branch: 'main' })
    let head = await store.importFiles(draft, everyFile(files), { branch: 'main', message: 'Start', author })
    await store.publish(draft, projectId)
    mkdirSync(join(directory, 'worktrees'))

    const runOn = async (base: string | null, changed: string | null, argv: readonly string[] = ['true']) => {
      const changes = changed === null ? [] : [{ path: pathOf(7), content: changed }]
      const run = { argv, workspace: { base, changes }, limits: defaultLimits.standard }
      const { exitCode, stdout, stderr } = await sandbox.run(run)
      if (exitCode !== 0) throw new Error(`The command failed: ${stderr}`)
      return stdout
    }
    /** The next commit: nobody has a checkout of it. */
    const step = async (name: string) => {
      const before = await store.treeOf(projectId, head)
      const content = Buffer.from(`step ${name}\n`)
      const changed = await store.changeTree(projectId, before, [{ path: pathOf(0), content }])
      const request = { tree: changed, parents: [head], message: 'Step', author, committer: author }
      head = await store.writeCommit(projectId, request)
      return { commit: head, tree: changed }
    }
    const empty = () => timed(() => runOn(null, null))
    const addWorktree = async (name: string, commit: string) => {
      const path = join(directory, 'worktrees', name)
      const took = await timed(() =>
        git(store.directory(projectId), ['worktree', 'add', '-q', '--detach', path, commit]),
      )
      return { path, took }
    }
    const removeWorktree = (path: string) => git(store.directory(projectId), ['worktree', 'remove', '--force', path])
    const start = await step('equal')

    const worktree: Arm = {
      async output() {
        const { path } = await addWorktree('equal', start.commit)
        const names = await runOn(path, null, listing)
        await removeWorktree(path)
        return names
      },
      async sample(round) {
        const { path, took } = await addWorktree(`round-${round}`, (await step(`${round} of git`)).commit)
        await removeWorktree(path)
        return took
      },
    }
    const first: Arm = {
      output: () => checkouts.with(projectId, start.tree, (base) => runOn(base, null, listing)),
      async sample(round) {
        const made = await step(`${round} of ours`)
        const took = await timed(() => checkouts.with(projectId, made.tree, (base) => runOn(base, null)))
        return took - (await empty())
      },
    }
    const further: Arm = {
      output: () => checkouts.with(projectId, start.tree, (base) => runOn(base, 'changed\n', listing)),
      async sample(round) {
        const work = () => checkouts.with(projectId, start.tree, (base) => runOn(base, `changed in ${round}\n`))
        return (await timed(work)) - (await empty())
      },
    }
    const { samples, compared } = await paired(context, {
      rounds: 15,
      warmUp: 1,
      arms: { further, first, worktree },
      settle: () => syncDisk(directory),
    })
    const processesOf = async (arm: Arm) => {
      const before = started()
      await arm.sample(0)
      return started() - before
    }
    const processes = { first: await processesOf(first), further: await processesOf(further) }
    const reference = '`git worktree add`'
    return [
      {
        name: 'every further workspace on a tree',
        reference,
        unit: 'ms',
        samples: { ours: samples.further, reference: samples.worktree },
        goal: { atMost: 1 / 20 },
        counts: { 'git processes': processes.further },
        compared,
      },
      {
        name: 'the first workspace on a tree',
        reference,
        unit: 'ms',
        samples: { ours: samples.first, reference: samples.worktree },
        goal: null,
        counts: { 'git processes': processes.first },
        compared,
        note: 'It also gives the files to the user whom commands run as, and seals them; git does neither.',
      },
    ]
  },
}
