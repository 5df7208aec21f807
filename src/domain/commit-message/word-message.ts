import { LockMode } from '@mikro-orm/core'
import { z } from 'zod'
import { tellDiff } from '../diff/change-diff-status.ts'
import { Diff, type DiffRow, type MessageRefinement } from '../diff/diff.entity.ts'
import { pendingDiffStatuses } from '../diff/diff.status.ts'
import { BudgetExceededError } from '../errors.ts'
import { type HeldLease, leaseOn, withLease } from '../lease/lease.ts'
import { Project } from '../project/project.entity.ts'
import { askStructured } from '../run/ask-structured.ts'
import type { CallSite } from '../run/call-site.ts'
import { candidateFailure } from '../run/candidate-failure.ts'
import { roomForQuestion } from '../run/fit-context.ts'
import { settleLostCalls } from '../run/record-call.ts'
import { AgentStoppedError } from '../run/run-agent.ts'
import { providerOf } from '../session/session-agent.ts'
import { sha256 } from '../shared/canonical-hash.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { changeMessage } from './change-message.ts'
import { messageFromSummary } from './commit-message.ts'
import { messageQuestion, messageSystem } from './message-prompts.ts'

const answer = z.strictObject({ message: z.string().min(1).max(20_000) })

const maxOutputTokens = 2_000

type Failure = NonNullable<MessageRefinement['failure']>

interface Wished {
  readonly diff: DiffRow
  readonly wish: MessageRefinement
}

const findWish = async (services: Services, diffId: string): Promise<Wished | undefined> => {
  const diff = await rows(services.em()).selectFrom('Diff').selectAll().where('id', '=', diffId).executeTakeFirst()
  return diff?.refinement && diff.refinement.failure === null ? { diff, wish: diff.refinement } : undefined
}

/** The evaluator of the diff's session, otherwise the configured one. @throws AgentStoppedError when there is none */
const evaluatorOf = async (services: Services, { sessionId }: DiffRow) => {
  const read = rows(services.em()).selectFrom('Session').select('evaluator')
  const session = sessionId === null ? undefined : await read.where('id', '=', sessionId).executeTakeFirstOrThrow()
  const chosen = session?.evaluator ?? services.models.sessionModel('evaluator', null)
  if (!chosen) throw new AgentStoppedError('not_configured', 'No provider is configured on this server.')
  return { provider: providerOf(services, chosen), model: chosen.model }
}

const scopeOf = (wish: MessageRefinement): string => `commit-message:${wish.id}`

/** On whose behalf the evaluator is asked: of the work that the diff came of, and under its limits. */
const siteOf = async (services: Services, { diff, wish }: Wished): Promise<CallSite> => {
  const read = rows(services.em())
  const [project, sprint, session, run] = await Promise.all([
    read.selectFrom('Project').select('budgetId').where('id', '=', diff.projectId).executeTakeFirstOrThrow(),
    read.selectFrom('Sprint').select('budgetId').where('id', '=', diff.sprintId).executeTakeFirst(),
    read.selectFrom('Session').select('budgetId').where('id', '=', diff.sessionId).executeTakeFirst(),
    read
      .selectFrom('Candidate')
      .innerJoin('AgentRun', 'AgentRun.id', 'Candidate.runId')
      .select(['AgentRun.id as id', 'AgentRun.budgetId as budgetId'])
      .where('Candidate.id', '=', diff.candidateId)
      .executeTakeFirst(),
  ])
  return {
    projectId: diff.projectId,
    sprintId: diff.sprintId,
    runId: run?.id ?? null,
    sessionId: diff.sessionId,
    candidateId: null,
    requestedById: wish.requestedById,
    agent: 'evaluator',
    scope: scopeOf(wish),
    iteration: diff.iteration,
    budgetIds: [project, sprint, session, run].flatMap((owner) => owner?.budgetId ?? []),
  }
}

const ask = async (services: Services, lease: HeldLease, wished: Wished): Promise<string> => {
  const { diff, wish } = wished
  const { provider, model } = await evaluatorOf(services, diff)
  const room = roomForQuestion(services.models.inputLimitOf(model), maxOutputTokens, messageSystem)
  const { message } = await askStructured(services, lease, await siteOf(services, wished), provider, 0, {
    name: 'commit_message',
    schema: answer,
    model,
    system: messageSystem,
    message: await messageQuestion(services, diff, wish.instructions, room),
    maxOutputTokens,
  })
  return messageFromSummary(message, diff.commitMessage)
}

/** Why it came to nothing; undefined for what is no fault of the model's, and is tried again. */
const failureOf = (error: unknown): Failure | undefined => {
  const failure = candidateFailure(error)
  const budgetId = error instanceof BudgetExceededError ? error.budgetId : null
  return failure && { code: failure.code, message: failure.message, budgetId }
}

/** What keeps the message from being set, whatever the model says. */
const obstacleOf = (diff: Pick<DiffRow, 'status' | 'commitMessage'>, wish: MessageRefinement): Failure | undefined => {
  if (!pendingDiffStatuses.includes(diff.status)) {
    return { code: 'too_late', message: `The diff is ${diff.status} by now: its message stays.`, budgetId: null }
  }
  if (sha256(diff.commitMessage) !== wish.messageHash) {
    const message = 'Somebody changed the message meanwhile: theirs stays. Ask again to have that one worded.'
    return { code: 'message_changed', message, budgetId: null }
  }
  return undefined
}

/** Sets the message, or stores why it stays, unless the wish has come to its end already. */
const end = (lease: HeldLease, { diff: { projectId, id }, wish }: Wished, message: string, failure?: Failure) =>
  lease.transact(async (tx) => {
    // Project before diff, as everywhere.
    await tx.em.findOneOrFail(Project, { id: projectId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
    const diff = await tx.em.findOneOrFail(Diff, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE })
    if (diff.refinement?.id !== wish.id) return
    await settleLostCalls(tx, { scope: scopeOf(wish) })
    const ended = failure ?? obstacleOf(diff, wish)
    diff.refinement = ended ? { ...wish, failure: ended } : null
    if (ended || message === diff.commitMessage) tellDiff(tx, diff)
    else await changeMessage(tx, diff, message, null)
  })

/**
 * Does what `refineCommitMessage` asked for. The answer is stored before the message is set, and the wish names its
 * place: a worker that is killed leaves nothing to be bought twice. A model that fails changes nothing.
 */
export const wordMessage = async (services: Services, diffId: string, stop: AbortSignal): Promise<void> => {
  await withLease(services, leaseOn('refinement', diffId), stop, async (lease) => {
    const wished = await findWish(services, diffId)
    if (!wished) return
    const obstacle = obstacleOf(wished.diff, wished.wish)
    if (obstacle) return end(lease, wished, '', obstacle)
    try {
      await end(lease, wished, await ask(services, lease, wished))
    } catch (error) {
      const failure = lease.signal.aborted ? undefined : failureOf(error)
      if (!failure) throw error
      await end(lease, wished, '', failure)
    }
  })
}
