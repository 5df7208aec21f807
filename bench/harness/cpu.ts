import { readFileSync } from 'node:fs'

// Linux counts for the outside in hundredths of a second, whatever it counts in itself.
const ticksPerMs = 0.1

/**
 * The milliseconds of CPU that a running process has had, user and system, all its threads; with `isWithChildren` also
 * its children's that have ended and been waited for. In steps of 10 ms: for long stretches, and for processes that
 * cannot be asked.
 */
export const cpuMsOfProcess = (pid: number, isWithChildren = false): number => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name before it is in brackets, and may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15).map(Number)
  return (user + system + (isWithChildren ? childUser + childSystem : 0)) / ticksPerMs
}

/** The milliseconds of CPU that this process has had, to the microsecond. */
export const ownCpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e3
}

/** What tells how much CPU it has had: a process of `startProcess`, for example. */
export interface Measured {
  cpuMs(): Promise<number>
}

/**
 * The milliseconds of CPU that a server needs for one request.
 * @param requests how many `work` sends; take enough for some 100 ms in all
 */
export const cpuPerRequest = async (
  server: Measured,
  requests: number,
  work: () => Promise<unknown>,
): Promise<number> => {
  const before = await server.cpuMs()
  await work()
  return ((await server.cpuMs()) - before) / requests
}
