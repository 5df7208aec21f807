import type { EntityManager } from '@mikro-orm/postgresql'
import type { KyselyPlugin } from 'kysely'
import type { Intercept } from '../../src/context.ts'
import type { GitStore } from '../../src/domain/ports/git-store.ts'
import type { ModelProvider } from '../../src/domain/ports/model-provider.ts'
import type { Place } from './places.ts'

/** A recorded call of a provider, as a transaction that is about to be committed leaves it. */
export interface CallState {
  readonly id: string
  readonly status: string
}

/** Who is told what a process writes. Each is called at the moment itself, and may end the process there. */
export interface Witness {
  /** Where the program is that is about to write. */
  caller(): Place
  /** A point was reached: something was written just now, and nothing since. */
  pass(point: string): void
  /** Calls as a transaction wrote them: about to be committed, committed, or refused. */
  calls(states: readonly CallState[], outcome: 'begun' | 'stored' | 'refused'): void
  /** A job was taken from its queue, or is done. */
  job(name: string, payload: unknown, state: 'taken' | 'done'): void
  /** Is given each job's work to do. */
  during(work: () => Promise<void>): Promise<void>
}

/** Every method of the repositories after which something is there that was not there before. */
const gitWrites: ReadonlySet<PropertyKey> = new Set<keyof GitStore>([
  'create',
  'publish',
  'remove',
  'importFiles',
  'importArchive',
  'storeArchive',
  'importRemote',
  'changeTree',
  'applyPatch',
  'writeCommit',
  'moveBranch',
  'keep',
  'release',
  'addNote',
  'pack',
  'holdTrees',
  'releaseRefs',
])

const callsIn = (em: EntityManager): CallState[] =>
  [...em.getUnitOfWork().getIdentityMap().values()]
    .filter((entity): entity is CallState & object => 'requestHash' in entity && 'reservedTokens' in entity)
    .map(({ id, status }) => ({ id, status }))

/** Whether a transaction has written or locked anything: one that only looked is nothing to break off at. */
const hasWritten = async (em: EntityManager): Promise<boolean> => {
  const [row] = await em.execute<{ written: boolean }[]>(
    'select pg_current_xact_id_if_assigned() is not null as written',
  )
  return row?.written === true
}

const writingNodes = new Set(['InsertQueryNode', 'UpdateQueryNode', 'DeleteQueryNode'])

/** Statements outside a transaction, each of which is one of its own. */
const watchStatements = (witness: Witness, place: Place): KyselyPlugin => {
  const writing = new WeakSet<object>()
  return {
    transformQuery({ node, queryId }) {
      if (writingNodes.has(node.kind)) {
        writing.add(queryId)
      }
      return node
    },
    async transformResult({ result, queryId }) {
      if (writing.has(queryId)) witness.pass(`statement of ${place}`)
      return result
    },
  }
}

const watchRows = (witness: Witness, em: EntityManager): EntityManager => {
  const place = witness.caller()
  const { transactional, getKysely } = em
  em.transactional = async (work, options) => {
    let calls: CallState[] = []
    let isWrite = false
    try {
      const result = await transactional.call(
        em,
        async (inner) => {
          const given = await work(inner as EntityManager)
          await inner.flush()
          calls = callsIn(inner as EntityManager)
          isWrite = await hasWritten(inner as EntityManager)
          if (isWrite) witness.calls(calls, 'begun')
          return given
        },
        options,
      )
      if (isWrite) {
        witness.calls(calls, 'stored')
        witness.pass(`commit of ${place}`)
      }
      return result as never
    } catch (error) {
      if (calls.length > 0) witness.calls(calls, 'refused')
      throw error
    }
  }
  em.getKysely = ((options: never) =>
    getKysely.call(em, options).withPlugin(watchStatements(witness, place))) as EntityManager['getKysely']
  return em
}

/** The same object, but for some of its methods. */
const withMethods = <Target extends object>(target: Target, replaced: (name: PropertyKey) => unknown): Target =>
  new Proxy(target, {
    get: (_target, name) => replaced(name) ?? Reflect.get(target, name, target),
  })

const watchGit = (witness: Witness, git: GitStore): GitStore =>
  withMethods(git, (name) => {
    if (!gitWrites.has(name)) return undefined
    return async (...given: unknown[]) => {
      const place = witness.caller()
      const result = await (git[name as 'create'] as (...all: unknown[]) => Promise<unknown>).apply(git, given)
      witness.pass(`git ${String(name)} of ${place}`)
      return result
    }
  })

const watchProvider = (witness: Witness, provider: ModelProvider): ModelProvider =>
  withMethods(provider, (name) => {
    if (name !== 'complete') return undefined
    return async (request: Parameters<ModelProvider['complete']>[0]) => {
      const place = witness.caller()
      const answer = await provider.complete(request)
      witness.pass(`answer to ${place}`)
      return answer
    }
  })

/**
 * A named point after every durable write of a process, and so between any two: commits and single statements, writes
 * to repositories, jobs put into queues and taken from them, before a queue is told of a job's end, and answers of
 * providers. Complete by construction: there is no other way to write. Before the first write there is nothing to break
 * off, and what a kill leaves of an unfinished write is for kills at any moment to show.
 */
export const faultPoints = (witness: Witness): Intercept => ({
  em: (em) => watchRows(witness, em),
  git: (git) => watchGit(witness, git),
  models(models) {
    const watched = new Map(models.configured.map((provider) => [provider.provider, watchProvider(witness, provider)]))
    return { ...models, configured: [...watched.values()], get: (provider) => watched.get(provider) }
  },
  queues: (queues) =>
    withMethods(queues, (name) => {
      if (name === 'add') {
        return async (...given: Parameters<typeof queues.add>) => {
          await queues.add(...given)
          witness.pass(`publishing of ${given[1]}`)
        }
      }
      if (name === 'work') {
        const work: typeof queues.work = (pool, concurrency, handle) =>
          queues.work(pool, concurrency, (job) =>
            witness.during(async () => {
              witness.job(job.name, job.payload, 'taken')
              witness.pass(`taking of ${job.name}`)
              await handle(job)
              witness.pass(`ending of ${job.name}`)
              witness.job(job.name, job.payload, 'done')
            }),
          )
        return work
      }
      return undefined
    }),
})
