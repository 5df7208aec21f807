import { LockMode } from '@mikro-orm/core'
import { pipelineActorId } from '../actor/ensure-actors.ts'
import { refreshApproval } from '../approval/refresh-approval.ts'
import { messageFromSummary } from '../commit-message/commit-message.ts'
import { changeDiffStatus } from '../diff/change-diff-status.ts'
import { Diff } from '../diff/diff.entity.ts'
import { diffTransitions } from '../diff/diff.status.ts'
import { type PreparedDiff, prepareDiff } from '../diff/prepare-diff.ts'
import { type LateFacts, proposePatch } from '../diff/propose-patch.ts'
import type { HeldLease } from '../lease/lease.ts'
import { Project } from '../project/project.entity.ts'
import type { Fitted } from '../run/fit-change.ts'
import { rows } from '../shared/database.ts'
import { safeText } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { describeResults } from '../testing/test-report.ts'
import { TestRun } from '../testing/test-run.entity.ts'
import { addMessage } from './add-message.ts'
import { askEvaluator, type EvaluatorAnswer, evaluatorRoom } from './ask-evaluator.ts'
import { endTurn } from './end-turn.ts'
import { Message } from './message.entity.ts'
import { messageIdOf } from './message-id.ts'
import { Session } from './session.entity.ts'
import { type AgentFailure, attempt, lastCallOf } from './session-agent.ts'
import { evaluatorQuestion, notSeen } from './session-prompts.ts'
import { SessionTurn } from './session-turn.entity.ts'
import { submitPatchName, submittedSummary } from './submit-patch-tool.ts'
import { maxRounds } from './turn-scope.ts'
import { type SpokenMessage, sessionSite, type TurnState } from './turn-state.ts'

interface Judgement {
  readonly verdict: 'APPROVED' | 'REJECTED' | 'FAILED'
  /** For the person who reads the change, and the coder. */
  readonly text: string
  readonly commitMessage: string
  readonly failure: AgentFailure | null
}

const list = (reasons: readonly string[]): string => reasons.map((reason) => `- ${reason}`).join('\n')

const judgementOf = (
  answer: EvaluatorAnswer | null,
  failure: AgentFailure | null,
  fallbackMessage: string,
  title: string,
): Judgement => {
  if (answer?.verdict === 'APPROVED') {
    const commitMessage = messageFromSummary(answer.commitMessage, fallbackMessage)
    return { verdict: 'APPROVED', text: answer.reasoning, commitMessage, failure: null }
  }
  // Nobody has given it a message yet: what the coder said serves until a person does.
  const commitMessage = messageFromSummary(fallbackMessage, title)
  if (answer) {
    return { verdict: 'REJECTED', text: `${answer.reasoning}\n\n${list(answer.reasons)}`, commitMessage, failure: null }
  }
  const text = `The evaluator could not judge this change: ${failure?.message} A person has to decide without it.`
  return { verdict: 'FAILED', text, commitMessage, failure }
}

const resultsOf = async (services: Services, testRunId: string | null): Promise<string | null> => {
  if (testRunId === null) return null
  const results = await rows(services.em())
    .selectFrom('TestResult')
    .selectAll()
    .where('testRunId', '=', testRunId)
    .orderBy('position')
    .execute()
  return describeResults(results)
}

/** What the coder said of the change that it handed in; what it said on the way serves where it said nothing. */
const summaryOf = async (services: Services, coder: SpokenMessage): Promise<string> => {
  const call = await rows(services.em())
    .selectFrom('ToolCall')
    .select('arguments')
    .where('scope', '=', coder.scope ?? '')
    .where('name', '=', submitPatchName)
    .where('isError', '=', false)
    .limit(1)
    .executeTakeFirst()
  return submittedSummary(call?.arguments) || coder.text
}

const questionAbout = async (
  services: Services,
  { turn, turns }: TurnState,
  coder: SpokenMessage,
  summary: string,
  prepared: PreparedDiff,
  room: number,
): Promise<Fitted> => {
  const committed = turns.findLastIndex(({ epoch, prompt }) => prompt !== null && epoch < turn.epoch)
  return evaluatorQuestion(
    {
      // With the messages that an interruption kept from being begun: the coder reads them too.
      tasks: turns.slice(committed + 1),
      summary,
      patch: prepared.content,
      safety: prepared.safety,
      testResults: await resultsOf(services, coder.testRunId),
    },
    coder.iteration,
    room,
  )
}

/** Puts the new diff in the place of the session's last one, unless that one is committed. */
const replaceLast = async (tx: Transaction, projectId: string, sessionId: string): Promise<LateFacts> => {
  // Project before diff, as everywhere.
  await tx.em.findOneOrFail(Project, { id: projectId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  const last = await tx.em.findOne(
    Diff,
    { sessionId },
    { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { createdAt: 'desc' } },
  )
  if (!last || last.status === 'COMMITTED' || last.status === 'COMMITTING') return { supersedesId: null, iteration: 1 }
  const next: readonly string[] = diffTransitions[last.status]
  if (next.includes('SUPERSEDED')) changeDiffStatus(tx, last, 'SUPERSEDED')
  return { supersedesId: last.id, iteration: last.iteration + 1 }
}

const storeVerdict = async (
  tx: Transaction,
  state: TurnState,
  coder: SpokenMessage,
  judgement: Judgement,
  asked: { readonly question: string; readonly modelCallId: string | null },
  diffId: string,
): Promise<void> => {
  const { session, turn } = state
  const round = coder.iteration
  const { scope } = sessionSite(state, 'evaluator', round)
  if (coder.testRunId !== null) (await tx.em.findOneOrFail(TestRun, { id: coder.testRunId })).diffId = diffId
  const coderRow = await tx.em.findOneOrFail(Message, { id: coder.id })
  coderRow.diffId = diffId
  const sessionRow = await tx.em.findOneOrFail(Session, { id: session.id }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  addMessage(tx, sessionRow, {
    id: messageIdOf(scope),
    turnId: turn.id,
    role: 'EVALUATOR',
    iteration: round,
    text: safeText(judgement.text),
    scope,
    ...asked,
    rehearsal: session.evaluator.rehearsal,
    failure: judgement.failure?.code ?? null,
    verdict: judgement.verdict,
    diffId,
  })
  await tx.em.flush()
  if (judgement.verdict === 'APPROVED') await refreshApproval(tx, diffId)
  const turnRow = await tx.em.findOneOrFail(SessionTurn, { id: turn.id })
  if (judgement.failure) await endTurn(tx, sessionRow, turnRow, 'FAILED', judgement.failure.message)
  else if (judgement.verdict === 'APPROVED' || round >= maxRounds) await endTurn(tx, sessionRow, turnRow, 'COMPLETED')
}

/**
 * Once the tests on a submitted change have ended, the evaluator judges it, and it becomes a diff with that verdict. An
 * evaluator that fails approves nothing: the diff is there as rejected, with what went wrong, for a person to take up.
 */
export const evaluateSubmission = async (
  services: Services,
  lease: HeldLease,
  state: TurnState,
  coder: SpokenMessage,
): Promise<void> => {
  const { session, project, turn } = state
  const round = coder.iteration
  const baseCommit = turn.baseCommit ?? ''
  const baseTree = await services.git.treeOf(project.id, baseCommit)
  const patch = await services.git.patchBetween(project.id, baseTree, coder.submittedTree ?? baseTree)
  const prepared = await prepareDiff(services, project.id, baseCommit, patch, { allowInvalidSyntax: false })
  const summary = await summaryOf(services, coder)
  const asks = await questionAbout(services, state, coder, summary, prepared, evaluatorRoom(services, state))
  const question = asks.text
  const { result, failure } = await attempt(lease, () => askEvaluator(services, lease, state, round, question))
  await services.textFeed.flush()
  const judged = judgementOf(result, failure, summary, session.title)
  const judgement = asks.leftOut === null ? judged : { ...judged, text: `${judged.text}\n\n${notSeen(asks.leftOut)}` }
  const { scope } = sessionSite(state, 'evaluator', round)
  const asked = { question, modelCallId: await lastCallOf(services, scope) }
  const diff = {
    projectId: project.id,
    origin: 'SESSION',
    authorId: pipelineActorId,
    requestedById: turn.requestedById,
    candidateId: null,
    sprintId: null,
    sessionId: session.id,
    iteration: 1,
    supersedesId: null,
    targetBranch: project.targetBranch ?? '',
    prompt: turn.words,
    commitMessage: judgement.commitMessage,
    status: judgement.verdict === 'APPROVED' ? 'EVALUATOR_APPROVED' : 'EVALUATOR_REJECTED',
    evaluatorReasoning: safeText(judgement.text),
  } as const
  await proposePatch(services, { diff, prepared, testCases: [] }, (store) =>
    lease.transact(async (tx) => {
      const id = await store(tx, await replaceLast(tx, project.id, session.id))
      await storeVerdict(tx, state, coder, judgement, asked, id)
      return id
    }),
  )
}
