import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { openBudget } from '../budget/open-budget.ts'
import { NotFoundError } from '../errors.ts'
import { findReadyProject } from '../project/find-project.ts'
import { requireConfigured, subagentInput, subagentsInput } from '../run/subagent-input.ts'
import { once } from '../shared/once.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { budgetInput, clientMutationId, line, prose, validate } from '../shared/validate.ts'
import { Spec } from '../spec/spec.entity.ts'
import { Sprint } from './sprint.entity.ts'

const input = z.object({
  specId: z.uuid(),
  name: line(200),
  goal: prose(20_000).nullish(),
  requirePlanApproval: z.boolean().nullish(),
  maxAttempts: z.number().int().min(1, 'must be at least 1').max(10, 'must be at most 10').nullish(),
  deadlineSeconds: z.number().int().min(1, 'must be at least 1').max(86_400, 'must be at most 86400').nullish(),
  budget: budgetInput.nullish(),
  subagents: subagentsInput.nullish(),
  judge: subagentInput.nullish(),
  clientMutationId,
})
export type CreateSprintInput = z.input<typeof input>

export const defaultDeadlineSeconds = 1_800

/**
 * Plans the execution of a spec; startSprint starts it.
 * @throws NotFoundError, ForbiddenError, ValidationError
 */
export const createSprint = async (services: Services, viewer: Viewer, given: CreateSprintInput): Promise<string> => {
  const checked = validate(input, given)
  return transact(services, async (tx) => {
    const spec = await tx.em.findOne(Spec, { id: checked.specId })
    if (!spec) throw new NotFoundError('spec', checked.specId)
    const project = await findReadyProject(tx, viewer, spec.projectId, 'AUTHOR')
    requireConfigured(services, checked.subagents ?? [], checked.judge ?? null)
    return once(tx, viewer, 'createSprint', checked.clientMutationId, async () => {
      const id = randomUUID()
      tx.em.create(Sprint, {
        id,
        projectId: project.id,
        specId: spec.id,
        name: checked.name,
        goal: checked.goal ?? spec.title,
        status: 'PLANNED',
        requirePlanApproval: checked.requirePlanApproval ?? false,
        maxAttempts: checked.maxAttempts ?? 3,
        deadlineSeconds: checked.deadlineSeconds ?? defaultDeadlineSeconds,
        subagents: checked.subagents ?? null,
        judge: checked.judge ?? null,
        iteration: 1,
        budgetId: openBudget(tx, checked.budget),
        createdById: viewer.actor.id,
        createdAt: tx.now,
      })
      tx.emit({ projectId: project.id, sprintId: id }, { type: 'SprintChanged', sprintId: id, status: 'PLANNED' })
      return id
    })
  })
}
