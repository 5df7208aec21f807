import { z } from 'zod'
import type { HeldLease } from '../lease/lease.ts'
import { AgentRun } from '../run/agent-run.entity.ts'
import { candidateScope } from '../run/ancestors.ts'
import { askStructured } from '../run/ask-structured.ts'
import { Candidate, type CandidateFailure, type CandidateRow } from '../run/candidate.entity.ts'
import { candidateFailure } from '../run/candidate-failure.ts'
import { keepCheckpoint } from '../run/checkpoint.ts'
import type { Fitted } from '../run/fit-change.ts'
import { roomForQuestion } from '../run/fit-context.ts'
import { openRun } from '../run/open-run.ts'
import { isEnded, toRunStatus } from '../run/run.status.ts'
import type { Subagent } from '../run/subagent.ts'
import type { Services } from '../shared/services.ts'
import type { PhaseRow } from './phase.entity.ts'
import { type Assignment, verifierQuestion, verifierSystem } from './sprint-prompts.ts'
import { assignmentOf, loadPhaseRun, type SprintState, sprintSite } from './sprint-state.ts'

export const verification = z.strictObject({
  verdict: z.enum(['VERIFICATION_SUCCESS', 'VERIFICATION_FAILURE']),
  reasons: z.array(z.string().max(4_000)),
})
type Verification = z.output<typeof verification>

const maxOutputTokens = 2_000

// The judge's provider first; the others stand in when it does not answer.
const verifiers = (services: Services, judge: Subagent | null): readonly Subagent[] => {
  const preferred = judge?.provider ?? services.models.judge?.provider
  const all = services.models.configured.map(
    ({ provider }): Subagent => ({
      provider,
      model: provider === judge?.provider ? judge.model : null,
      label: null,
      instructions: null,
    }),
  )
  return [
    ...all.filter(({ provider }) => provider === preferred),
    ...all.filter(({ provider }) => provider !== preferred),
  ]
}

/** A verifier is asked about as much as the model with the least room takes: they stand in for each other. */
const questionFor = (
  { models }: Services,
  asked: readonly Subagent[],
  assignment: Assignment,
  patch: string,
  results: string,
): Fitted => {
  const limits = asked.flatMap(({ provider, model }) => {
    const name = model ?? models.get(provider)?.defaultModel
    return name === undefined ? [] : [models.inputLimitOf(name)]
  })
  const room = roomForQuestion(Math.min(...limits), maxOutputTokens, verifierSystem)
  return verifierQuestion(assignment, patch, results, room)
}

const end = (lease: HeldLease, candidate: CandidateRow, output: string | null, failure: CandidateFailure | null) =>
  lease.transact(async (tx) => {
    const row = await tx.em.findOneOrFail(Candidate, { id: candidate.id })
    if (row.status === 'PENDING') row.status = toRunStatus(row.status, 'RUNNING')
    row.status = toRunStatus(row.status, failure ? 'FAILED' : 'COMPLETED')
    row.startedAt ??= candidate.createdAt
    row.output = output
    row.failure = failure
    row.finishedAt = tx.now
  })

/**
 * Asks a verifier for its explicit word on the selected tree; the next provider is asked when one does not answer.
 * @returns undefined, with every reason on the run's candidates, when none did
 */
export const askVerifier = async (
  services: Services,
  lease: HeldLease,
  state: SprintState,
  phase: PhaseRow,
  patch: string,
  results: string,
): Promise<Verification | undefined> => {
  const { sprint, project } = state
  const standBy = verifiers(services, sprint.judge)
  const { text: message, leftOut } = questionFor(services, standBy, assignmentOf(state, phase), patch, results)
  const begun = await loadPhaseRun(services, phase.id)
  // One that failed is of an earlier try of this phase.
  if (!begun || begun.run.status === 'FAILED' || begun.run.status === 'CANCELED') {
    const tree = sprint.workingTree ?? ''
    const checkpointId = await keepCheckpoint(services, project.id, tree)
    await lease.transact(async (tx) => {
      openRun(services, tx, {
        projectId: project.id,
        specId: sprint.specId,
        sprintId: sprint.id,
        phaseId: phase.id,
        purpose: 'VERIFICATION',
        role: 'verifier',
        createdById: sprint.createdById,
        message,
        baseCommit: sprint.baseCommit,
        start: { tree, checkpointId },
        subagents: standBy,
        judge: null,
        note: null,
        // They are asked one after the other, so each may use what is left.
        limits: null,
      })
    })
  }
  const opened = await loadPhaseRun(services, phase.id)
  if (!opened) throw new Error(`The run of the phase ${phase.id} disappeared.`)
  const { run, candidates } = opened
  for (const candidate of candidates) {
    if (isEnded(candidate.status) && candidate.status !== 'COMPLETED') continue
    const provider = services.models.get(candidate.provider)
    if (!provider) {
      const message = `The provider ${candidate.provider} is no longer configured.`
      await end(lease, candidate, null, { code: 'not_configured', message, retryable: false })
      continue
    }
    try {
      const site = {
        ...sprintSite(state, run.id),
        agent: 'verifier',
        scope: candidateScope(candidate.id),
        candidateId: candidate.id,
      }
      const answer = await askStructured(services, lease, site, provider, 0, {
        name: 'verification',
        schema: verification,
        verdictOf: ({ verdict }) => verdict,
        model: candidate.modelName,
        system: verifierSystem,
        message,
        maxOutputTokens,
      })
      if (candidate.status !== 'COMPLETED') await end(lease, candidate, JSON.stringify(answer), null)
      await closeRun(lease, run.id, 'COMPLETED')
      if (leftOut === null) return answer
      return { ...answer, reasons: [...answer.reasons, `The verifier was not shown everything: ${leftOut}.`] }
    } catch (error) {
      const failure = lease.signal.aborted ? undefined : candidateFailure(error)
      if (!failure) throw error
      await end(lease, candidate, null, failure)
    }
  }
  await closeRun(lease, run.id, 'FAILED')
  return undefined
}

// Verifiers that stood by and were not needed are not part of the run's result.
const closeRun = (lease: HeldLease, runId: string, to: 'COMPLETED' | 'FAILED') =>
  lease.transact(async (tx) => {
    const run = await tx.em.findOneOrFail(AgentRun, { id: runId })
    if (run.status === 'RUNNING') run.status = toRunStatus(run.status, to)
    run.finishedAt = tx.now
    for (const candidate of await tx.em.find(Candidate, { runId, status: 'PENDING' })) {
      candidate.status = toRunStatus(candidate.status, 'CANCELED')
      candidate.finishedAt = tx.now
    }
  })
