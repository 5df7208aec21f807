import { randomUUID } from 'node:crypto'
import { LockMode } from '@mikro-orm/core'
import { buildEnvironmentJob } from '../../jobs/build-environment.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { Environment } from './environment.entity.ts'
import { toEnvironmentStatus } from './environment.status.ts'
import { hasLayer } from './has-layer.ts'
import { type WantedEnvironment, wantedEnvironment } from './wanted-environment.ts'

/** What commands of a run are given of the environment. */
export interface EnvironmentUse {
  readonly hash: string | null
  readonly layer: string | null
  readonly image: string | null
}

/** Whether a run can begin. PENDING: its environment is being built. */
export type EnvironmentState =
  | { readonly state: 'READY'; readonly environmentId: string | null; readonly use: EnvironmentUse }
  | { readonly state: 'PENDING'; readonly environmentId: string }
  | { readonly state: 'FAILED'; readonly environmentId: string; readonly words: string }

/** The row of an environment, locked. It is made, and its build asked for, where that is needed. */
export const takeEnvironment = async (
  tx: Transaction,
  wanted: WantedEnvironment,
  options: { readonly isThere: boolean; readonly retry: boolean },
) => {
  const inserted = await rows(tx.em)
    .insertInto('Environment')
    .values({
      ...wanted,
      id: randomUUID(),
      status: 'PENDING',
      log: '',
      createdAt: tx.now,
      neededAt: tx.now,
    })
    .onConflict((conflict) => conflict.columns(['projectId', 'hash']).doNothing())
    .returning('id')
    .executeTakeFirst()
  const environment = await tx.em.findOneOrFail(
    Environment,
    { projectId: wanted.projectId, hash: wanted.hash },
    { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true },
  )
  environment.neededAt = tx.now
  const isGone = environment.status === 'SUCCEEDED' && (!options.isThere || environment.removedAt != null)
  if (isGone || environment.status === 'CANCELED' || (environment.status === 'FAILED' && options.retry)) {
    environment.status = toEnvironmentStatus(environment.status, 'PENDING')
    Object.assign(environment, { failure: null, log: '', startedAt: null, finishedAt: null, removedAt: null })
  } else if (!inserted) return environment
  tx.enqueue(buildEnvironmentJob, { environmentId: environment.id })
  return environment
}

const failedWords = (failure: string | null | undefined): string =>
  `The project's environment could not be set up: ${failure ?? 'for an unknown reason'} Its log is Project.environment.log; setEnvironment changes it or, with the same fields, tries it again.`

/**
 * What a run on this base tree is given of the project's environment, and whether it is there yet. One that is not is
 * asked for.
 * @param write what a transaction of the run is; `note` writes into the same one
 */
export const useEnvironment = async (
  services: Services,
  { projectId, baseTree }: { readonly projectId: string; readonly baseTree: string },
  write: <Result>(work: (tx: Transaction) => Promise<Result>) => Promise<Result>,
  note: (tx: Transaction, environmentId: string | null) => Promise<void> = async () => {},
): Promise<EnvironmentState> => {
  const project = await rows(services.em())
    .selectFrom('Project')
    .select(['id', 'environment'])
    .where('id', '=', projectId)
    .executeTakeFirstOrThrow()
  const wanted = await wantedEnvironment(services, project, baseTree)
  const { image } = project.environment
  if (wanted === null) {
    await write((tx) => note(tx, null))
    return { state: 'READY', environmentId: null, use: { hash: null, layer: null, image } }
  }
  const layer = services.layerDirectory(wanted.hash)
  const isThere = await hasLayer(services, wanted.hash)
  return write(async (tx) => {
    const { id, status, failure } = await takeEnvironment(tx, wanted, { isThere, retry: false })
    await note(tx, id)
    if (status === 'FAILED') return { state: 'FAILED', environmentId: id, words: failedWords(failure) }
    if (status !== 'SUCCEEDED') return { state: 'PENDING', environmentId: id }
    return { state: 'READY', environmentId: id, use: { hash: wanted.hash, layer, image } }
  })
}
