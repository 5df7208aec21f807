import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { NotFoundError } from '../errors.ts'
import { findReadyProject } from '../project/find-project.ts'
import { rows } from '../shared/database.ts'
import { findEarlier } from '../shared/once.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { budgetInput, clientMutationId, fieldFault, line, prose, validate } from '../shared/validate.ts'
import type { AgentRunRow } from './agent-run.entity.ts'
import type { CandidateRow } from './candidate.entity.ts'
import { Checkpoint, type CheckpointRow } from './checkpoint.entity.ts'
import { findRun } from './find-run.ts'
import { sayNext } from './history.ts'
import { openOwnRun } from './open-own-run.ts'
import { chooseSubagents } from './open-run.ts'
import type { Subagent } from './subagent.ts'
import { requireConfigured, subagentInput, subagentsInput } from './subagent-input.ts'

const mutation = 'forkRun'

const input = z.object({
  checkpointId: z.uuid(),
  label: line(100),
  reason: prose(2_000).nullish(),
  message: prose(100_000).nullish(),
  budget: budgetInput.nullish(),
  subagents: subagentsInput.nullish(),
  judge: subagentInput.nullish(),
  clientMutationId,
})
export type ForkRunInput = z.input<typeof input>

/** What the candidates of a fork are told where its caller only gives them other instructions or models. */
const goOn = 'Go on from here.'

const toSubagent = ({ provider, modelName, label, instructions }: CandidateRow): Subagent => ({
  provider,
  model: modelName,
  label,
  instructions,
})

/** A run to be forked from, as it was at the checkpoint. */
interface Departure {
  readonly run: AgentRunRow
  readonly checkpoint: CheckpointRow
  /** All at the start; later the one whose conversation it is. */
  readonly candidates: readonly CandidateRow[]
}

const readDeparture = async (services: Services, checkpointId: string): Promise<Departure> => {
  const read = rows(services.em())
  const checkpoint = await read
    .selectFrom('Checkpoint')
    .selectAll()
    .where('id', '=', checkpointId)
    .executeTakeFirstOrThrow()
  const { runId, state } = checkpoint
  const run = await read.selectFrom('AgentRun').selectAll().where('id', '=', runId).executeTakeFirstOrThrow()
  const candidates = await read
    .selectFrom('Candidate')
    .selectAll()
    .where('runId', '=', runId)
    .orderBy('position')
    .execute()
  const own = candidates.filter(({ id }) => id === state.candidateId)
  return { run, checkpoint, candidates: checkpoint.label === 'start' ? candidates : own }
}

/** What was said up to the checkpoint, and what is said now. */
const conversationOf = ({ run, checkpoint, candidates }: Departure, message: string | null) => {
  if (checkpoint.label === 'start') return { history: run.history, message: message ?? run.message }
  const [candidate] = candidates
  const untold = [
    ...run.history,
    { role: 'user', text: run.message } as const,
    { role: 'assistant', text: candidate?.output ?? '', toolUses: [] } as const,
  ]
  return sayNext(checkpoint.state.conversation ?? untold, message ?? goOn)
}

/**
 * Starts a run outside a sprint from where another one stood: with its conversation and workspace, under another
 * message, other instructions or models where they are given. What it asks and does as the other did, it takes from
 * the other's recording, and buys nothing again.
 * @returns the new run's id
 * @throws NotFoundError, ForbiddenError, ValidationError, CapacityError
 */
export const forkRun = async (services: Services, viewer: Viewer, given: ForkRunInput): Promise<string> => {
  const checked = validate(input, given)
  const { checkpointId } = checked
  const asked = { noun: 'checkpoint', id: checkpointId }
  const earlier = await transact(services, async (tx) => {
    const checkpoint = await tx.em.findOne(Checkpoint, { id: checkpointId }, { fields: ['runId'] })
    if (!checkpoint) throw new NotFoundError(asked.noun, asked.id)
    const run = await findRun(tx, viewer, checkpoint.runId, 'AUTHOR', asked)
    await findReadyProject(tx, viewer, run.projectId, 'AUTHOR')
    return findEarlier(tx, viewer, mutation, checked.clientMutationId)
  })
  if (earlier !== undefined) return earlier
  const departure = await readDeparture(services, checkpointId)
  const { run, checkpoint, candidates } = departure
  if (run.role === 'verifier' && checked.message == null) {
    throw fieldFault('message', 'is needed to fork a verification: its candidates are to work from here, not to judge')
  }
  const wanted = checked.subagents?.length ? checked.subagents : candidates.map(toSubagent)
  requireConfigured(services, wanted, checked.judge ?? null)
  const { subagents, note } = chooseSubagents(services, wanted)
  return openOwnRun(
    services,
    viewer,
    { mutation, clientMutationId: checked.clientMutationId },
    {
      projectId: run.projectId,
      role: run.role === 'planner' ? 'planner' : 'coder',
      ...conversationOf(departure, checked.message ?? null),
      baseCommit: run.baseCommit,
      tree: checkpoint.tree,
      subagents,
      judge: checked.judge ?? run.judge,
      note,
      metadata: run.metadata,
      replaysId: run.id,
      fork: { fromId: checkpointId, label: checked.label, reason: checked.reason ?? null },
      budget: checked.budget ?? null,
    },
  )
}
