import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { checkProject } from './check-project.ts'
import type { Fault, FaultWords } from './fault.ts'
import { rowPages } from './row-pages.ts'

/** What is told of one project is bounded: a lost disk has as many faults as there are rows. */
const mostFaults = 1_000

const pageSize = 100

type Stores = Pick<Services, 'em' | 'git'>

const collect = async (
  stores: Stores,
  projectId: string,
  now: Date,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, FaultWords>> => {
  const found = new Map<string, FaultWords>()
  for await (const faults of checkProject(stores, projectId, now, signal)) {
    signal.throwIfAborted()
    for (const fault of faults) {
      if (found.size === mostFaults) {
        const problem = `It has more than ${mostFaults} faults; no more were looked for.`
        const remedy = 'Heal these, and check again.'
        return found.set('more', { what: 'project', id: null, problem, remedy })
      }
      found.set(`${fault.what} ${fault.id} ${fault.problem}`, fault)
    }
  }
  return found
}

/**
 * What is wrong with a project. Where something seems to be, everything is looked at a second time, and only what is
 * found again is told: work that is under way looks like a fault for a moment.
 */
const findFaults = async (stores: Stores, projectId: string, now: Date, signal: AbortSignal): Promise<Fault[]> => {
  const first = await collect(stores, projectId, now, signal)
  if (first.size === 0) return []
  const second = await collect(stores, projectId, now, signal)
  return [...second].filter(([key]) => first.has(key)).map(([, fault]) => ({ projectId, ...fault }))
}

/** A project that was looked at. */
export interface CheckedProject {
  readonly id: string
  readonly name: string
  readonly faults: readonly Fault[]
}

/**
 * Looks at every project that has a repository, or at one of them, and changes nothing. One after the other, and what
 * is held in memory does not grow with what is stored.
 * @throws the signal's reason
 */
export async function* fsckProjects(
  stores: Stores,
  options: { readonly projectId: string | undefined; readonly signal: AbortSignal },
): AsyncGenerator<CheckedProject> {
  const { projectId, signal } = options
  const read = (after: string) =>
    rows(stores.em())
      .selectFrom('Project')
      .select(['id', 'name'])
      .where('status', 'in', ['READY', 'ARCHIVED'])
      .where('headCommit', 'is not', null)
      .where('id', '>', after)
      .$if(projectId !== undefined, (query) => query.where('id', '=', projectId ?? ''))
      .orderBy('id')
      .limit(pageSize)
      .execute()
  for await (const page of rowPages(read)) {
    for (const { id, name } of page) yield { id, name, faults: await findFaults(stores, id, new Date(), signal) }
  }
}
