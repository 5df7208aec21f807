import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { writeArchive } from '../../src/adapters/archives/write-archive.ts'
import { defaultLimits } from '../../src/adapters/sandbox/default-limits.ts'
import { readContents } from '../../src/domain/version/read-contents.ts'
import type { VersionRow } from '../../src/domain/version/version.entity.ts'
import type { BenchContext, Comparison } from '../harness/benchmark.ts'
import { paired, timed } from '../harness/paired.ts'
import { syncDisk } from '../harness/sync.ts'
import { removeFolder, type Setting } from './setting.ts'

/** What a tar.gz holds: all contents, in their order. */
const contentsHash = (file: string): string =>
  createHash('sha256')
    .update(execFileSync('tar', ['-xzOf', file], { maxBuffer: 2 ** 30 }))
    .digest('hex')

/** A version as a tar.gz, as it is served. */
const compareArchives = async (
  context: BenchContext,
  { product, directory }: Setting,
  version: VersionRow,
  what: string,
): Promise<Comparison> => {
  const repository = product.services.git.directory(version.projectId)
  const place = (name: string) => join(directory, `${name}.tar.gz`)
  const write = () =>
    pipeline(writeArchive(readContents(product.services.git, version)), createWriteStream(place('ours')))
  // A shell's pipe: the two run side by side.
  const script = 'git --git-dir="$1" archive --format=tar "$2" | gzip > "$3"'
  const byGit = () => execFileSync('sh', ['-c', script, 'sh', repository, version.tree, place('git')])
  await write()
  byGit()
  const { samples, compared } = await paired(context, {
    rounds: 9,
    warmUp: 1,
    settle: () => syncDisk(directory),
    arms: {
      ours: { output: async () => contentsHash(place('ours')), sample: () => timed(write) },
      reference: { output: async () => contentsHash(place('git')), sample: () => timed(byGit) },
    },
  })
  return {
    name: `${what} as a tar.gz`,
    reference: '`git archive | gzip`',
    unit: 'ms',
    samples,
    goal: { atMost: 1 },
    compared,
  }
}

// Which files there are and what is in them, whatever the order in which a file system has them.
const listing = 'find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum'

/** A workspace of a version's files, of which there is a checkout already. */
const compareWorkspaces = async (
  context: BenchContext,
  { product, directory, source, git, addAll, newRepository, newFolder }: Setting,
  { projectId, tree }: VersionRow,
  what: string,
): Promise<readonly Comparison[]> => {
  const { sandbox, checkouts } = product.services
  const found = await sandbox.availability()
  if (!found.available || found.driver === 'none') {
    context.say('there is no sandbox here, and so no workspace to compare')
    return []
  }
  const runOn = async (base: string | null, argv: readonly string[]) => {
    const run = { argv, workspace: { base, changes: [] }, limits: defaultLimits.standard }
    const { exitCode, stdout, stderr } = await sandbox.run(run)
    if (exitCode !== 0) throw new Error(`The command failed: ${stderr}`)
    return stdout
  }
  const inWorkspace = (argv: readonly string[]) => checkouts.with(projectId, tree, (base) => runOn(base, argv))
  const repository = await newRepository()
  await addAll(repository)
  const checkOut = async (folder: string) => {
    const place = [`--git-dir=${repository}`, `--work-tree=${source}`]
    await git(source, [...place, 'checkout-index', '-a', `--prefix=${folder}/`])
  }
  const { samples, compared } = await paired(context, {
    rounds: 9,
    warmUp: 1,
    settle: () => syncDisk(directory),
    arms: {
      ours: {
        output: () => inWorkspace(['sh', '-c', listing]),
        // What the sandbox takes without any files is no part of it.
        sample: async () => (await timed(() => inWorkspace(['true']))) - (await timed(() => runOn(null, ['true']))),
      },
      reference: {
        output: async () => {
          const folder = await newFolder()
          await checkOut(folder)
          const output = execFileSync('sh', ['-c', listing], { cwd: folder, encoding: 'utf8' })
          await removeFolder(folder)
          return output
        },
        async sample() {
          const folder = await newFolder()
          const took = await timed(() => checkOut(folder))
          await removeFolder(folder)
          return took
        },
      },
    },
  })
  return [
    {
      name: `a workspace of ${what}, of which there is a checkout`,
      reference: '`git checkout-index -a`',
      unit: 'ms',
      samples,
      goal: { atMost: 0.1 },
      compared,
    },
  ]
}

export const compareExports = async (
  context: BenchContext,
  setting: Setting,
  version: VersionRow,
  what: string,
): Promise<readonly Comparison[]> => [
  ...(await compareWorkspaces(context, setting, version, what)),
  await compareArchives(context, setting, version, what),
]
