import { readdirSync, readFileSync } from 'node:fs'

/** A process as /proc shows it; the start time tells it from a later one with the same id. */
export interface HostProcess {
  readonly pid: number
  readonly parent: number
  readonly group: number
  readonly isZombie: boolean
  /** In clock ticks since boot. */
  readonly startedAt: string
  readonly residentPages: number
}

/** Null when there is no such process. */
export function readProcess(pid: number): HostProcess | null {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return null
  }
  // The name, in parentheses, may hold anything, parentheses and spaces too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return {
    pid,
    parent: Number(fields[1]),
    group: Number(fields[2]),
    isZombie: fields[0] === 'Z' || fields[0] === 'X',
    startedAt: fields[19] ?? '',
    residentPages: Number(fields[21]),
  }
}

export function allProcesses(): readonly HostProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((found) => found !== null)
}

/** The process and everything that descends from it, in one look. */
export function processTree(root: number): readonly HostProcess[] {
  const children = Map.groupBy(allProcesses(), (found) => found.parent)
  const own = readProcess(root)
  const tree = own === null ? [] : [own]
  for (const member of tree) tree.push(...(children.get(member.pid) ?? []))
  return tree
}

export function isAlive(known: HostProcess): boolean {
  const now = readProcess(known.pid)
  return now !== null && now.startedAt === known.startedAt && !now.isZombie
}

/** Sends a signal; a process that is gone already is no error. */
export function kill(pid: number, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Kills until a look at the system finds none left. */
export async function killUntilNone(look: () => readonly number[], deadlineMs: number): Promise<void> {
  const end = performance.now() + deadlineMs
  for (;;) {
    const left = look()
    if (left.length === 0) return
    if (performance.now() > end) throw new Error(`Processes of a sandboxed command do not end: ${left.join(', ')}.`)
    for (const pid of left) kill(pid)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
