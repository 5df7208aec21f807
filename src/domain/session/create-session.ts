import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { openBudget } from '../budget/open-budget.ts'
import { findReadyProject } from '../project/find-project.ts'
import { subagentInput } from '../run/subagent-input.ts'
import { once } from '../shared/once.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { budgetInput, clientMutationId, line, validate } from '../shared/validate.ts'
import { chooseAgent } from './choose-agent.ts'
import { Session } from './session.entity.ts'

const input = z.object({
  projectId: z.uuid(),
  title: line(200).nullish(),
  coder: subagentInput.nullish(),
  evaluator: subagentInput.nullish(),
  budget: budgetInput.nullish(),
  clientMutationId,
})
export type CreateSessionInput = z.input<typeof input>

/**
 * Opens a conversation with a coder whose changes an evaluator judges. Without a title it is named after its day.
 * @throws NotFoundError, ForbiddenError, ValidationError
 */
export const createSession = async (services: Services, viewer: Viewer, given: CreateSessionInput): Promise<string> => {
  const checked = validate(input, given)
  return transact(services, async (tx) => {
    const project = await findReadyProject(tx, viewer, checked.projectId, 'AUTHOR')
    const coder = chooseAgent(services, 'coder', checked.coder)
    const evaluator = chooseAgent(services, 'evaluator', checked.evaluator)
    return once(tx, viewer, 'createSession', checked.clientMutationId, async () => {
      const id = randomUUID()
      tx.em.create(Session, {
        id,
        projectId: project.id,
        title: checked.title ?? `Session of ${tx.now.toISOString().slice(0, 10)}`,
        coder,
        evaluator,
        budgetId: openBudget(tx, checked.budget),
        createdById: viewer.actor.id,
        createdAt: tx.now,
      })
      tx.emit({ projectId: project.id, sessionId: id }, { type: 'SessionChanged', sessionId: id, busy: false })
      return id
    })
  })
}
