import type { BenchContext, Benchmark, Comparison } from '../harness/benchmark.ts'
import { paired } from '../harness/paired.ts'
import { author, openBareGit, openStore } from '../harness/repositories.ts'
import { syncDisk } from '../harness/sync.ts'
import { openArms } from './arms.ts'
import { filesOf } from './patches.ts'

/** How many times the whole path is to be faster than git's, by the number of files. */
const sizes = [
  { files: 100, faster: 1 },
  { files: 10_000, faster: 2 },
  { files: 50_000, faster: 5 },
]
const smallSizes = [
  { files: 20, faster: 1 },
  { files: 120, faster: 2 },
]

const compare = async (
  context: BenchContext,
  { files, faster }: (typeof sizes)[number],
  touched: number,
): Promise<readonly Comparison[]> => {
  const { directory } = context
  const what = `${files.toLocaleString('en-GB')} files, ${touched} touched`
  context.say(what)
  await using opened = openStore(directory)
  const { store, started } = opened
  const id = store.newDraft()
  await store.create(id, { objectFormat: 'SHA1', branch: 'main' })
  const head = await store.importFiles(id, filesOf(files), { branch: 'main', message: 'Start', author })
  const git = openBareGit(directory)
  await using ways = await openArms({ store, git, directory, id, head, files, touched })
  const { arms } = ways
  const { samples, compared } = await paired(context, {
    rounds: 30,
    warmUp: 3,
    arms,
    settle: () => syncDisk(directory),
  })
  const processesOf = async (arm: keyof typeof arms) => {
    const before = started()
    await arms[arm].sample(0)
    return started() - before
  }
  const counts = { applies: await processesOf('applies'), commits: await processesOf('commits') }
  await store.remove(id)
  return [
    {
      name: `apply: ${what}`,
      reference: '`git apply` alone, in a work tree',
      unit: 'ms',
      samples: { ours: samples.applies, reference: samples.gitApplies },
      goal: { atMost: 1.4 },
      counts: { processes: counts.applies },
      compared,
    },
    {
      name: `patch to commit: ${what}`,
      reference: '`git apply --index` and `git commit`',
      unit: 'ms',
      samples: { ours: samples.commits, reference: samples.gitCommits },
      goal: { atMost: 1 / faster },
      counts: { processes: counts.commits },
      compared,
    },
  ]
}

export const benchmark: Benchmark = {
  name: 'patch',
  about:
    'From a patch to a tree, and to a commit on a branch, in a repository without a work tree, beside git in a work tree. Both do the same patches on the same files with the same settings of git, also for what is synced to the disk.',
  async measure(context) {
    const comparisons: Comparison[] = []
    for (const size of context.isSmall ? smallSizes : sizes) {
      for (const touched of context.isSmall ? [1] : [1, 20]) {
        comparisons.push(...(await compare(context, size, touched)))
      }
    }
    return comparisons
  },
}
