import { LockMode } from '@mikro-orm/core'
import { pushCommitJob } from '../../jobs/push-commit.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { Push } from './push.entity.ts'
import { type PushStatus, toPushStatus } from './push.status.ts'

/** Asks for a commit's push, in the transaction that settles the commit. */
export const openPush = (tx: Transaction, diffId: string): void => {
  tx.em.create(Push, { diffId, status: 'PENDING', attempts: 0, nextAt: tx.now })
  tx.enqueue(pushCommitJob, { diffId })
}

/** Says that a diff is shown otherwise than before; its own status stays. */
export const tellPush = async (tx: Transaction, diffId: string): Promise<void> => {
  const { projectId, sprintId, sessionId, status } = await rows(tx.em)
    .selectFrom('Diff')
    .select(['projectId', 'sprintId', 'sessionId', 'status'])
    .where('id', '=', diffId)
    .executeTakeFirstOrThrow()
  tx.emit({ projectId, sprintId, sessionId, diffId }, { type: 'DiffChanged', diffId, status })
}

/** Gives a locked push a new status, through the table, and says so. */
export const changePush = async (
  tx: Transaction,
  push: { diffId: string; status: PushStatus; error?: string | null; nextAt: Date },
  to: PushStatus,
  error: string | null,
): Promise<void> => {
  push.status = toPushStatus(push.status, to)
  push.error = error
  if (to === 'PENDING') {
    push.nextAt = tx.now
    tx.enqueue(pushCommitJob, { diffId: push.diffId })
  }
  await tellPush(tx, push.diffId)
}

/** The project's commits that are not known to be at the remote, locked in the order of their ids. */
const lockOpenPushes = async (tx: Transaction, projectId: string) => {
  const open = await rows(tx.em)
    .selectFrom('Push')
    .innerJoin('Diff', 'Diff.id', 'Push.diffId')
    .select('Push.diffId as diffId')
    .where('Diff.projectId', '=', projectId)
    .where('Push.status', '!=', 'PUSHED')
    .execute()
  return tx.em.find(
    Push,
    { diffId: { $in: open.map(({ diffId }) => diffId) }, status: { $ne: 'PUSHED' } },
    { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { diffId: 'asc' } },
  )
}

/** Of the project's commits that are not known to be pushed, the diffs of those that a remote's history has. */
export const arrivedPushes = async (
  services: Services,
  projectId: string,
  head: string,
): Promise<readonly string[]> => {
  const open = await rows(services.em())
    .selectFrom('Push')
    .innerJoin('Diff', 'Diff.id', 'Push.diffId')
    .select(['Push.diffId as diffId', 'Diff.commitOid as oid'])
    .where('Diff.projectId', '=', projectId)
    .where('Push.status', '!=', 'PUSHED')
    .execute()
  const byOid = new Map(open.flatMap(({ diffId, oid }) => (oid === null ? [] : [[oid, diffId] as const])))
  const contained = await services.git.containedCommits(projectId, head, [...byOid.keys()])
  return contained.flatMap((oid) => byOid.get(oid) ?? [])
}

/** Marks what the remote has. @param attempted the diff whose push brought it there */
export const markPushed = async (
  tx: Transaction,
  projectId: string,
  diffIds: readonly string[],
  attempted?: string,
): Promise<void> => {
  for (const push of await lockOpenPushes(tx, projectId)) {
    if (push.diffId === attempted) push.attempts += 1
    if (push.diffId === attempted || diffIds.includes(push.diffId)) await changePush(tx, push, 'PUSHED', null)
  }
}

/** Asks again for what failed, and at once for what waits: something about the remote is different now. */
export const retryPushes = async (tx: Transaction, projectId: string): Promise<void> => {
  for (const push of await lockOpenPushes(tx, projectId)) {
    if (push.status === 'FAILED') await changePush(tx, push, 'PENDING', push.error ?? null)
    else {
      push.nextAt = tx.now
      tx.enqueue(pushCommitJob, { diffId: push.diffId })
    }
  }
}
