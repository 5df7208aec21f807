import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readProcess } from './host-processes.ts'

/** Where groups can be made, one place a resource (version 1) or one for both (version 2). */
export interface CgroupPlaces {
  readonly version: 1 | 2
  readonly memory: string
  /** Null where the number of processes cannot be limited this way. */
  readonly processes: string | null
  /**
   * Where all commands together count as one when the processor is shared out, however many sessions and groups they
   * make: the server goes on answering. Null where that is not to be had, or where it is the same place as for memory.
   */
  readonly processor: string | null
}

/** The groups of one command. */
export interface Cgroup {
  /** A process of one thread joins by writing 0 to each of these files. */
  readonly entrances: readonly string[]
  members(): readonly number[]
  /** True when the kernel ended a process of the group for want of memory. */
  ranOutOfMemory(): boolean
  /** @throws when a process is left in it */
  remove(): void
}

/** Members besides the command's own: bubblewrap outside and inside. */
const HELPERS = 2
/** The group of all commands' groups, of every server of this machine; never removed. */
const TOGETHER = 'countersign'
/** Of a group each, in version 2: a fifth of what another process has of a processor that is wanted by all. */
const WEIGHT = '20'
/** In version 1 the file for threads: the one for processes makes the kernel wait for all its processors first. */
const ENTRANCES = { 1: 'tasks', 2: 'cgroup.procs' } as const
const NAME = /^countersign-(\d+)-(\d+)-[0-9a-f]{12}$/

const memoryFiles = {
  1: { limit: 'memory.limit_in_bytes', withSwap: 'memory.memsw.limit_in_bytes', events: 'memory.oom_control' },
  2: { limit: 'memory.max', withSwap: 'memory.swap.max', events: 'memory.events' },
} as const

/** Finds places where this process may make groups with a memory limit, by making one; null when there is none. */
export function findCgroupPlaces(): CgroupPlaces | null {
  const mounts = read('/proc/self/mounts')
    .split('\n')
    .map((line) => line.split(' '))
  const own = read('/proc/self/cgroup')
    .split('\n')
    .map((line) => line.split(':'))
  const place = (type: string, controller: string): readonly string[] => {
    const mount = mounts.find(
      ([, , kind, flags]) => kind === type && (!controller || flags?.split(',').includes(controller)),
    )
    const path = own.find(([, controllers]) => (controllers ?? '').split(',').includes(controller))?.[2]
    return mount?.[1] === undefined ? [] : [...(path ? [join(mount[1], path)] : []), mount[1]]
  }
  for (const memory of place('cgroup', 'memory')) {
    const alone: CgroupPlaces = { version: 1, memory, processes: null, processor: null }
    if (!works(alone)) continue
    const processes = place('cgroup', 'pids').find((directory) => works({ ...alone, processes: directory })) ?? null
    const shares = place('cgroup', 'cpu').map((directory) => join(directory, TOGETHER))
    const processor = shares.find((directory) => makeTogether(directory) && works({ ...alone, processor: directory }))
    return { ...alone, processes, processor: processor ?? null }
  }
  for (const unified of place('cgroup2', '')) {
    const places = { version: 2, memory: unified, processes: unified, processor: null } as const
    if (works(places)) return places
  }
  return null
}

/** @throws the file system's error when the group cannot be made or limited */
export function createCgroup(places: CgroupPlaces, limits: { memoryBytes: number; processes: number }): Cgroup {
  const name = `countersign-${processNamespace()}-${process.pid}-${randomBytes(6).toString('hex')}`
  const memory = join(places.memory, name)
  const processes = places.processes === null ? null : join(places.processes, name)
  const processor = places.processor === null ? null : join(places.processor, name)
  const directories = [...new Set([memory, processes, processor].filter((directory) => directory !== null))]
  const files = memoryFiles[places.version]
  try {
    for (const directory of directories) mkdirSync(directory)
    writeFileSync(join(memory, files.limit), String(limits.memoryBytes))
    writeIfThere(join(memory, files.withSwap), places.version === 1 ? String(limits.memoryBytes) : '0')
    if (processes !== null) writeFileSync(join(processes, 'pids.max'), String(limits.processes + HELPERS))
    if (places.version === 2) writeIfThere(join(memory, 'cpu.weight'), WEIGHT)
  } catch (error) {
    for (const directory of directories) removeIfThere(directory)
    throw error
  }
  return {
    entrances: directories.map((directory) => join(directory, ENTRANCES[places.version])),
    members: () => membersOf(memory),
    ranOutOfMemory: () => /^oom_kill [1-9]/m.test(read(join(memory, files.events))),
    remove: () => {
      for (const directory of directories) rmdirSync(directory)
    },
  }
}

/** Removes groups of servers that are no more; one that still has processes stays. */
export function sweepCgroups(places: CgroupPlaces): void {
  for (const place of new Set([places.memory, places.processes, places.processor])) {
    if (place === null) continue
    for (const name of readdirSync(place)) {
      const [, namespace, owner] = NAME.exec(name) ?? []
      // In another namespace the same number is another process, and none of this one's.
      if (namespace !== processNamespace() || readProcess(Number(owner)) !== null) continue
      removeIfThere(join(place, name))
    }
  }
}

/** What tells the process numbers of this server from those of one in a container that sees the same groups. */
function processNamespace(): string {
  return readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '')
}

function makeTogether(directory: string): boolean {
  try {
    mkdirSync(directory)
    return true
  } catch (error) {
    // As in `works`: where it cannot be made, the next place is tried.
    return (error as NodeJS.ErrnoException).code === 'EEXIST'
  }
}

function works(places: CgroupPlaces): boolean {
  try {
    createCgroup(places, { memoryBytes: 64 * 1024 * 1024, processes: 8 }).remove()
    return true
  } catch {
    // Not mounted writable, not ours, or without the controller: the next place is tried.
    return false
  }
}

function membersOf(directory: string): readonly number[] {
  return read(join(directory, 'cgroup.procs')).split('\n').filter(Boolean).map(Number)
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isAbsent(error)) return ''
    throw error
  }
}

/** The file is there only where swap is accounted for. */
function writeIfThere(path: string, value: string): void {
  try {
    writeFileSync(path, value, { flag: 'r+' })
  } catch (error) {
    if (!isAbsent(error)) throw error
  }
}

function removeIfThere(directory: string): void {
  try {
    rmdirSync(directory)
  } catch (error) {
    if (!isAbsent(error) && (error as NodeJS.ErrnoException).code !== 'EBUSY') throw error
  }
}

function isAbsent(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ENOENT' || code === 'ENOTDIR'
}
