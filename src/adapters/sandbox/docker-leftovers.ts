import { OWNER_LABEL } from './docker-container.ts'
import type { DockerEngine } from './docker-engine.ts'
import { readProcess } from './host-processes.ts'
import { machineMark } from './process-mark.ts'

/** After this, a container of a machine that cannot be asked is a leftover. */
const FOREIGN_LEFTOVER_S = 24 * 60 * 60

/** This process, with its start, so that a later one with the same id is not taken for it. */
export function containerOwner(): string {
  return `${machineMark()}/${process.pid}/${readProcess(process.pid)?.startedAt ?? ''}`
}

/** Removes containers whose server is no more, with what runs in them; returns how many. */
export async function sweepContainers(engine: DockerEngine): Promise<number> {
  const filters = JSON.stringify({ label: [OWNER_LABEL] })
  const found = (await engine.must('GET', '/containers/json', { query: { all: 'true', filters } })) as readonly {
    readonly Id: string
    readonly Created: number
    readonly Labels: Readonly<Record<string, string>>
  }[]
  const leftovers = found.filter(({ Labels, Created }) => isLeftover(Labels[OWNER_LABEL] ?? '', Created))
  for (const { Id } of leftovers) await removeContainer(engine, Id)
  return leftovers.length
}

/** Ends and removes a container; one that is not there, or that another is removing, is no error. */
export async function removeContainer(engine: DockerEngine, name: string): Promise<void> {
  const path = `/containers/${name}`
  const { status } = await engine.ask('DELETE', path, { query: { force: 'true', v: 'true' } })
  // The engine sometimes answers before a process that was just killed has been seen to end.
  if (status >= 500) await engine.must('DELETE', path, { query: { force: 'true', v: 'true' } })
}

function isLeftover(owner: string, createdAt: number): boolean {
  const [machine, pid, startedAt] = owner.split('/')
  const isKnown = machine === machineMark() && process.platform === 'linux'
  if (isKnown) return readProcess(Number(pid))?.startedAt !== startedAt
  return Date.now() / 1_000 - createdAt > FOREIGN_LEFTOVER_S
}
