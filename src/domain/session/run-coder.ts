import { LockMode } from '@mikro-orm/core'
import type { HeldLease } from '../lease/lease.ts'
import { type AgentEnd, runAgent } from '../run/run-agent.ts'
import { runTestsTool } from '../run/run-tests-tool.ts'
import { workspaceTools } from '../run/workspace-tools.ts'
import { safeText } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import { withInstructions } from '../sprint/sprint-prompts.ts'
import { openTestRun, projectTestCases, quickTestCases } from '../testing/open-test-run.ts'
import { addMessage } from './add-message.ts'
import { coderConversation, recordedAnswers } from './coder-conversation.ts'
import { endTurn } from './end-turn.ts'
import { messageIdOf } from './message-id.ts'
import { Session } from './session.entity.ts'
import { attempt, lastCallOf, providerOf } from './session-agent.ts'
import { coderSystem, spokenText } from './session-prompts.ts'
import { SessionTurn } from './session-turn.entity.ts'
import { everything, speaking } from './speak.ts'
import { submitPatchName, submitPatchTool, submittedSummary } from './submit-patch-tool.ts'
import { sessionSite, type TurnState } from './turn-state.ts'

const maxTurns = 60
const maxOutputTokens = 16_000

const work = async (services: Services, lease: HeldLease, state: TurnState, round: number): Promise<AgentEnd> => {
  const { session, turn } = state
  const site = sessionSite(state, 'coder', round)
  const before = spokenText(await recordedAnswers(services, site.scope))
  const message = { sessionId: session.id, messageId: messageIdOf(site.scope), agent: 'coder', iteration: round }
  const provider = speaking(providerOf(services, session.coder), services.textFeed, message, before, () => everything)
  const start = { tree: turn.tree ?? '', messages: await coderConversation(services, state) }
  return runAgent(services, lease, site, start, provider, {
    model: session.coder.model,
    system: withInstructions(coderSystem, session.coder.instructions),
    tools: [
      ...workspaceTools,
      runTestsTool(await projectTestCases(services, session.projectId), turn.baseCommit),
      submitPatchTool(turn.baseCommit ?? ''),
    ],
    stopAfter: [submitPatchName],
    maxTurns,
    maxOutputTokens,
  })
}

/** One round of the coder: it answers in words, which ends the turn, or submits a change, on which the tests begin. */
export const runCoder = async (
  services: Services,
  lease: HeldLease,
  state: TurnState,
  round: number,
): Promise<void> => {
  const { session, turn } = state
  const { scope } = sessionSite(state, 'coder', round)
  const { result: end, failure } = await attempt(lease, () => work(services, lease, state, round))
  await services.textFeed.flush()
  const said = spokenText(await recordedAnswers(services, scope))
  const modelCallId = await lastCallOf(services, scope)
  const submitted = end?.stoppedBy ?? null
  const testCases = submitted ? await quickTestCases(services, session.projectId) : []
  const baseTree = await services.git.treeOf(session.projectId, turn.baseCommit ?? '')
  await lease.transact(async (tx) => {
    const sessionRow = await tx.em.findOneOrFail(Session, { id: session.id }, { lockMode: LockMode.PESSIMISTIC_WRITE })
    const turnRow = await tx.em.findOneOrFail(SessionTurn, { id: turn.id })
    if (end) turnRow.tree = end.tree
    const testRunId =
      testCases.length === 0
        ? null
        : await openTestRun(services, tx, {
            subject: { projectId: session.projectId, sessionId: session.id },
            sessionId: session.id,
            tree: submitted?.tree ?? '',
            baseTree,
            basis: 'WORKSPACE',
            testCases,
            force: false,
          })
    await tx.em.flush()
    addMessage(tx, sessionRow, {
      id: messageIdOf(scope),
      turnId: turn.id,
      role: 'CODER',
      iteration: round,
      text: safeText(
        end
          ? said || submittedSummary(end.stoppedBy?.arguments)
          : [said, `The coder stopped: ${failure?.message}`].filter(Boolean).join('\n\n'),
      ),
      scope,
      modelCallId,
      rehearsal: session.coder.rehearsal,
      failure: failure?.code ?? null,
      submittedTree: submitted?.tree ?? null,
      testRunId,
    })
    if (failure) await endTurn(tx, sessionRow, turnRow, 'FAILED', failure.message)
    else if (!submitted) await endTurn(tx, sessionRow, turnRow, 'COMPLETED')
  })
}
