import { defaultLimits } from '../../src/adapters/sandbox/default-limits.ts'
import { setUpLimits } from '../../src/domain/environment/environment-settings.ts'
import { testsAtOnce } from '../../src/domain/run/run-tests-tool.ts'
import type { Pool } from '../../src/jobs/job.ts'

interface Shares {
  /** Of the process itself. */
  readonly own: number
  /** Of a command in the sandbox. */
  readonly command: number
  /** Of a project's setup commands, which the pool `tests` runs. */
  readonly setUp: number
}

const worst = (pool: Pool | null, jobs: number, { own, command, setUp }: Shares): number => {
  switch (pool) {
    case 'tests':
      // All jobs build an environment, or one has all of the pool's tests under way and the others build.
      return own + Math.max(jobs * setUp, jobs * command + (jobs - 1) * setUp)
    case 'candidates':
    case 'sessions':
      return own + jobs * testsAtOnce * command
    case 'planning':
    case 'webhooks':
      return own
    default:
      // An API, and the pools that check the syntax of what was proposed.
      return own + command
  }
}

const mebibyte = 1024 * 1024
const ownMib = 512
const ownProcesses = 128
/** bubblewrap, what watches over it, and the door of a command that may call models. */
const helpers = 16

/** What a process needs at the worst when it does as many jobs at once, in MiB. */
export const memoryNeeded = (
  pool: Pool | null,
  jobs: number,
  commandMib = defaultLimits.standard.memoryBytes / mebibyte,
): number => worst(pool, jobs, { own: ownMib, command: commandMib, setUp: setUpLimits.memoryBytes / mebibyte })

/** The same in processes and threads. */
export const processesNeeded = (pool: Pool | null, jobs: number): number =>
  worst(pool, jobs, {
    own: ownProcesses,
    command: defaultLimits.standard.processes + helpers,
    setUp: setUpLimits.processes + helpers,
  })

/** A size as the files write it (`16896m`, `2Gi`, `8gb`), in MiB. */
export const mibOf = (size: string): number => {
  const [, figure = '', unit = ''] = /^(\d+)(m|mi|g|gi|gb)$/i.exec(size) ?? []
  if (figure === '') throw new Error(`${size} is no size.`)
  return Number(figure) * (unit.toLowerCase().startsWith('g') ? 1_024 : 1)
}
