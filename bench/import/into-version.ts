import type { BenchContext, Comparison } from '../harness/benchmark.ts'
import { fewestStatements } from '../harness/fewest-statements.ts'
import { armOf, paired, timed } from '../harness/paired.ts'
import { syncDisk } from '../harness/sync.ts'
import { removeFolder, type Setting } from './setting.ts'

interface Stored {
  /** The id of the tree. */
  readonly output: string
  /** What it took, in milliseconds. */
  readonly sample: number
}

const timedTree = async (work: () => Promise<string>): Promise<Stored> => {
  let output = ''
  const sample = await timed(async () => {
    output = await work()
  })
  return { output, sample }
}

const countedTimes = { full: 3, small: 1 }

/** An archive into a version for the first time, and once more, beside git's way to a tree. */
export const compareImports = async (
  context: BenchContext,
  setting: Setting,
  what: string,
): Promise<readonly Comparison[]> => {
  const { directory, addAll, newRepository, newProject, newFolder, importInto, unpack } = setting
  const importTimed = (projectId: string) => timedTree(async () => (await importInto(projectId)).tree)
  const addInto = (repository: string) => timedTree(() => addAll(repository))
  /** The archive in a folder of its own, which is made before and removed afterwards: neither is timed. */
  const unpackAndAddInto = async (repository: string): Promise<Stored> => {
    const folder = await newFolder()
    const stored = await timedTree(async () => {
      unpack(folder)
      return await addAll(repository, folder)
    })
    await removeFolder(folder)
    return stored
  }
  const inNewRepository = async (add: (repository: string) => Promise<Stored>): Promise<Stored> => {
    const repository = await newRepository()
    const stored = await add(repository)
    await removeFolder(repository)
    return stored
  }
  const settle = () => syncDisk(directory)

  const first = await paired(context, {
    rounds: 9,
    warmUp: 1,
    settle,
    arms: {
      ours: armOf(context, async () => importTimed(await newProject())),
      add: armOf(context, () => inNewRepository(addInto)),
      unpackAndAdd: armOf(context, () => inNewRepository(unpackAndAddInto)),
    },
  })

  const known = await newProject()
  const repository = await newRepository()
  const unpacked = await newRepository()
  await importTimed(known)
  await addInto(repository)
  await unpackAndAddInto(unpacked)
  const second = await paired(context, {
    rounds: 9,
    warmUp: 1,
    settle,
    arms: {
      ours: armOf(context, () => importTimed(known)),
      add: armOf(context, () => addInto(repository)),
      unpackAndAdd: armOf(context, () => unpackAndAddInto(unpacked)),
    },
  })

  const times = context.isSmall ? countedTimes.small : countedTimes.full
  const fresh = await Promise.all(Array.from({ length: times }, newProject))
  const ofFirst = await fewestStatements(() => importInto(fresh.pop() ?? ''), times)
  const ofSecond = await fewestStatements(() => importInto(known), times)
  const git = '`git add -A && git write-tree` in a folder'
  const whole = '`tar -x`, `git add -A` and `git write-tree`'
  const unit = 'ms'
  return [
    {
      name: `${what} from an archive into a version`,
      reference: git,
      unit,
      samples: { ours: first.samples.ours, reference: first.samples.add },
      goal: { atMost: 0.15 },
      counts: { statements: ofFirst.statements },
      compared: first.compared,
    },
    {
      name: `${what} from an archive into a version`,
      reference: whole,
      unit,
      samples: { ours: first.samples.ours, reference: first.samples.unpackAndAdd },
      goal: null,
      compared: first.compared,
    },
    {
      name: `${what} again, unchanged`,
      reference: git,
      unit,
      samples: { ours: second.samples.ours, reference: second.samples.add },
      goal: { atMost: 1.3 },
      counts: { statements: ofSecond.statements },
      compared: second.compared,
      note: 'Git finds the folder unchanged by the times of its files and reads none; an archive has to be read.',
    },
    {
      name: `${what} again, unchanged`,
      reference: whole,
      unit,
      samples: { ours: second.samples.ours, reference: second.samples.unpackAndAdd },
      goal: null,
      compared: second.compared,
    },
  ]
}
