import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { runInterviewJob } from '../../jobs/run-interview.ts'
import type { Viewer } from '../actor/viewer.ts'
import { requireCapacity } from '../capacity/require-capacity.ts'
import { findReadyProject } from '../project/find-project.ts'
import { chooseSubagents } from '../run/open-run.ts'
import { once } from '../shared/once.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { clientMutationId, line, prose, validate } from '../shared/validate.ts'
import { stubQuestions } from './interview-questions.ts'
import { interviewModes, Spec } from './spec.entity.ts'

const input = z.object({
  projectId: z.uuid(),
  task: prose(100_000),
  title: line(200).nullish(),
  maxQuestions: z.number().int().min(1, 'must be at least 1').max(20, 'must be at most 20').nullish(),
  mode: z.enum(interviewModes).nullish(),
  clientMutationId,
})
export type CreateSpecInput = z.input<typeof input>

const titleOf = (task: string): string => {
  const first = task.trim().split('\n', 1)[0] ?? ''
  return first.length > 80 ? `${first.slice(0, 79)}…` : first
}

/**
 * Stores a spec and starts its interview; STUB asks its fixed questions at once.
 * @returns its id
 * @throws NotFoundError, ForbiddenError, ValidationError, and CapacityError where a model is to ask
 */
export const createSpec = async (services: Services, viewer: Viewer, given: CreateSpecInput): Promise<string> => {
  const checked = validate(input, given)
  const stub = checked.mode === 'STUB'
  if (!stub) chooseSubagents(services, null)
  return transact(services, async (tx) => {
    const project = await findReadyProject(tx, viewer, checked.projectId, 'AUTHOR')
    return once(tx, viewer, 'createSpec', checked.clientMutationId, async () => {
      if (!stub) await requireCapacity(services, tx, project.id)
      const id = randomUUID()
      const maxQuestions = checked.maxQuestions ?? 5
      const status = stub ? 'NEEDS_ANSWERS' : 'QUEUED'
      tx.em.create(Spec, {
        id,
        projectId: project.id,
        title: checked.title ?? titleOf(checked.task),
        task: checked.task,
        status: 'DRAFT',
        maxQuestions,
        interviewStatus: status,
        interviewMode: checked.mode ?? (services.models.configured.length > 1 ? 'DUAL_SUBAGENT' : 'SINGLE'),
        questions: stub ? stubQuestions.slice(0, maxQuestions) : [],
        createdById: viewer.actor.id,
        createdAt: tx.now,
      })
      tx.emit({ projectId: project.id, specId: id }, { type: 'InterviewChanged', specId: id, status })
      if (!stub) tx.enqueue(runInterviewJob, { specId: id })
      return id
    })
  })
}
