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

/**
 * Whether a transaction has written or locked anything: one that only looked is nothing to break off at. What would be
 * sent with the commit is sent with this question; that it is done with the commit or not at all is for
 * `tests/db/statements-together.test.ts` to show.
 */
const hasWritten = async (em: EntityManager): Promise<boolean> => {
  const [row] = await em.execute<{ written: boolean }[]>(
    'select pg_current_xact_id_if_assigned() is not null as written',
  )
  return row?.written === true
}

/** Statements outside a transaction, each of which is one of its own; what writes tells how many rows it changed. */
const watchStatements = (witness: Witness, place: Place): KyselyPlugin => ({
  transformQuery: ({ node }) => node,
  async transformResult({ result }) {
    if (result.numAffectedRows !== undefined) witness.pass(`statement of ${place}`)
    return result
  },
})

/** Looks at a transaction on its way to the commit. @param end calls `look` as the last thing before it */
const watchEnd = async <Result>(
  witness: Witness,
  place: Place,
  end: (look: (inside: EntityManager) => Promise<void>) => Promise<Result>,
): Promise<Result> => {
  let calls: CallState[] = []
  let isWrite = false
  try {
    const result = await end(async (inside) => {
      await inside.flush()
      calls = callsIn(inside)
      isWrite = await hasWritten(inside)
      if (isWrite) witness.calls(calls, 'begun')
    })
    if (isWrite) {
      witness.calls(calls, 'stored')
      witness.pass(`commit of ${place}`)
    }
    return result
  } catch (error) {
    if (calls.length > 0) witness.calls(calls, 'refused')
    throw error
  }
}

const watchRows = (witness: Witness, em: EntityManager): EntityManager => {
  const place = witness.caller()
  const { commit, transactional, getKysely } = em
  em.commit = () =>
    watchEnd(witness, place, async (look) => {
      await look(em)
      await commit.call(em)
    })
  em.transactional = (work, options) =>
    watchEnd(witness, place, (look) =>
      transactional.call(
        em,
        async (inner) => {
          const given = await work(inner as EntityManager)
          await look(inner as EntityManager)
          return given
        },
        options,
      ),
    ) as never
  em.getKysely = ((options: never) => {
    const kysely = getKysely.call(em, options)
    return em.isInTransaction() ? kysely : kysely.withPlugin(watchStatements(witness, place))
  }) as EntityManager['getKysely']
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
