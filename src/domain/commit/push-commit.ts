import { LockMode } from '@mikro-orm/core'
import { DomainError, RemoteError } from '../errors.ts'
import { leaseOn, withLease } from '../lease/lease.ts'
import type { Remote } from '../ports/git-store.ts'
import type { Span } from '../ports/tracer.ts'
import { Project } from '../project/project.entity.ts'
import { openRemote } from '../project/remote-credential.ts'
import { rows } from '../shared/database.ts'
import { safeText } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { arrivedPushes, changePush, markPushed, tellPush } from './change-push.ts'
import { Push } from './push.entity.ts'

const firstDelayMs = 10_000
const longestDelayMs = 3_600_000
const patienceMs = 24 * 3_600_000
const keptBytes = 2_048

/** How an attempt ended; a failure that is final is not tried again. */
type Outcome =
  | { readonly landed: true; readonly diffIds: readonly string[] }
  | { readonly landed: false; readonly error: string; readonly final: boolean }

const failed = (error: string, final: boolean): Outcome => ({
  landed: false,
  error: Buffer.from(safeText(error))
    .subarray(0, keptBytes)
    .toString('utf8')
    .replace(/\ufffd+$/, ''),
  final,
})

interface Due {
  readonly projectId: string
  readonly branch: string
  readonly oid: string
  readonly trace: string | null
}

const dueCommit = async (services: Services, diffId: string): Promise<Due | undefined> => {
  const found = await rows(services.em())
    .selectFrom('Push')
    .innerJoin('Diff', 'Diff.id', 'Push.diffId')
    .select([
      'Diff.projectId as projectId',
      'Diff.targetBranch as branch',
      'Diff.commitOid as oid',
      'Diff.trace as trace',
    ])
    .where('Push.diffId', '=', diffId)
    .where('Push.status', '=', 'PENDING')
    .where('Push.nextAt', '<=', services.clock())
    .executeTakeFirst()
  return found?.oid == null ? undefined : { ...found, oid: found.oid }
}

/** @throws RemoteError that says that the commit itself has arrived */
const pushEvidence = async (services: Services, projectId: string, remote: Remote, signal: AbortSignal) => {
  try {
    await services.git.pushNotes(projectId, remote, signal)
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error
    throw new RemoteError(`The commit is at the remote, and its evidence is not. ${error.message}`, error.details)
  }
}

const attempt = async (services: Services, { projectId, branch, oid }: Due, signal: AbortSignal): Promise<Outcome> => {
  const project = await services.em().findOneOrFail(Project, { id: projectId })
  if (project.remoteUrl == null || !project.pushOnCommit)
    return failed('The project no longer pushes its commits.', true)
  try {
    const remote = openRemote(services.secrets, project, project.remoteUrl)
    const pushed = await services.git.push(projectId, remote, branch, oid, signal)
    if (pushed.landed) {
      await pushEvidence(services, projectId, remote, signal)
      return { landed: true, diffIds: await arrivedPushes(services, projectId, oid) }
    }
    const words = `The remote's branch ${branch} has commits that are not here: sync the project first.`
    return failed(`${words}\n${pushed.details}`, true)
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return failed(error instanceof RemoteError ? `${error.message}\n${error.details}`.trim() : error.message, false)
  }
}

const settle = async (tx: Transaction, diffId: string, { projectId }: Due, outcome: Outcome): Promise<void> => {
  if (outcome.landed) {
    await markPushed(tx, projectId, outcome.diffIds, diffId)
    return
  }
  const push = await tx.em.findOneOrFail(Push, { diffId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  // A descendant's push may have brought it along meanwhile.
  if (push.status !== 'PENDING') return
  push.attempts += 1
  const { updatedAt: committedAt } = await rows(tx.em)
    .selectFrom('Diff')
    .select('updatedAt')
    .where('id', '=', diffId)
    .executeTakeFirstOrThrow()
  if (outcome.final || tx.now.getTime() - committedAt.getTime() > patienceMs) {
    await changePush(tx, push, 'FAILED', outcome.error)
    return
  }
  push.error = outcome.error
  push.nextAt = new Date(
    tx.now.getTime() + Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(push.attempts - 1, 20)),
  )
  await tellPush(tx, diffId)
}

/**
 * Pushes a committed diff's commit, and the evidence, to the project's remote, once it is due. A failure is stored and tried again, ever
 * more rarely, for a day; the commit here stays whatever happens. What the remote's history then has counts as pushed.
 */
export const pushCommit = async (services: Services, diffId: string, stop: AbortSignal): Promise<void> => {
  await withLease(services, leaseOn('push', diffId), stop, async (lease) => {
    const due = await dueCommit(services, diffId)
    if (!due) return
    lease.mayBegin()
    const facts = { diffId, projectId: due.projectId, commit: due.oid }
    const push = async (span: Span) => {
      const ended = await attempt(services, due, lease.signal)
      span.note(ended.landed ? { outcome: 'pushed' } : { outcome: 'not pushed', failure: 'push_failed' })
      return ended
    }
    const outcome = await services.tracer.span('push', facts, push, { trace: due.trace })
    await lease.transact((tx) => settle(tx, diffId, due, outcome))
    if (!outcome.landed) services.log.warn({ diffId, projectId: due.projectId }, 'a commit could not be pushed')
  })
}
