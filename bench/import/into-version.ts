import type { BenchContext, Comparison } from '../harness/benchmark.ts'
import { fewestStatements } from '../harness/fewest-statements.ts'
import { type Arm, paired, timed } from '../harness/paired.ts'
import { syncDisk } from '../harness/sync.ts'
import { removeFolder, type Setting } from './setting.ts'

/** Samples of work on a folder that is made before and removed afterwards, and neither is timed. */
const around = async (make: () => Promise<string>, work: (folder: string) => Promise<unknown>): Promise<number> => {
  const folder = await make()
  const took = await timed(() => work(folder))
  await removeFolder(folder)
  return took
}

const countedTimes = 3

/** An archive into a version for the first time, and once more, beside git's way to a tree. */
export const compareImports = async (
  context: BenchContext,
  setting: Setting,
  what: string,
): Promise<readonly Comparison[]> => {
  const { directory, addAll, newRepository, newProject, importInto, unpack } = setting
  const treeIn = async (projectId: string) => (await importInto(projectId)).tree
  const settle = () => syncDisk(directory)

  const first = await paired(context, {
    rounds: 9,
    warmUp: 1,
    settle,
    arms: {
      ours: {
        output: async () => treeIn(await newProject()),
        async sample() {
          const projectId = await newProject()
          return await timed(() => importInto(projectId))
        },
      },
      add: {
        output: async () => addAll(await newRepository()),
        sample: () => around(newRepository, (repository) => addAll(repository)),
      },
      unpackAndAdd: {
        output: async () => addAll(await newRepository(), await unpack()),
        sample: () => around(newRepository, async (repository) => addAll(repository, await unpack())),
      },
    },
  })

  const known = await newProject()
  const repository = await newRepository()
  const unpacked = await newRepository()
  await treeIn(known)
  await addAll(repository)
  await addAll(unpacked, await unpack())
  const again: Record<'ours' | 'add' | 'unpackAndAdd', Arm> = {
    ours: { output: () => treeIn(known), sample: () => timed(() => importInto(known)) },
    add: { output: () => addAll(repository), sample: () => timed(() => addAll(repository)) },
    unpackAndAdd: {
      output: async () => addAll(unpacked, await unpack()),
      sample: () => timed(async () => addAll(unpacked, await unpack())),
    },
  }
  const second = await paired(context, { rounds: 9, warmUp: 1, settle, arms: again })

  const fresh = await Promise.all(Array.from({ length: countedTimes }, newProject))
  const ofFirst = await fewestStatements(() => importInto(fresh.pop() ?? ''), countedTimes)
  const ofSecond = await fewestStatements(() => importInto(known), countedTimes)
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
