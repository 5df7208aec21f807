import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { findReadyProject } from '../project/find-project.ts'
import { findEarlier } from '../shared/once.ts'
import { safeJson } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { budgetInput, clientMutationId, fieldFault, prose, validate } from '../shared/validate.ts'
import { historyInput, sayNext, toConversation } from './history.ts'
import { openOwnRun } from './open-own-run.ts'
import { chooseSubagents } from './open-run.ts'
import { requireConfigured, subagentInput, subagentsInput } from './subagent-input.ts'

const mutation = 'startRun'
const maxMetadataCharacters = 20_000

const input = z.object({
  projectId: z.uuid(),
  message: prose(100_000),
  budget: budgetInput.nullish(),
  history: historyInput.nullish(),
  // Its characters are looked at where it is resolved.
  revision: z.string().min(1, 'must not be empty').max(300, 'must have at most 300 characters').nullish(),
  subagents: subagentsInput.nullish(),
  judge: subagentInput.nullish(),
  metadata: z
    .unknown()
    .refine((value) => JSON.stringify(value ?? null).length <= maxMetadataCharacters, {
      message: `must have at most ${maxMetadataCharacters} characters as JSON`,
    })
    .optional(),
  clientMutationId,
})
export type StartRunInput = z.input<typeof input>

/**
 * Puts a message to several candidates outside a sprint, on the target branch's head or another revision. The work goes
 * on in the worker pools.
 * @returns the run's id
 * @throws NotFoundError, ForbiddenError, ValidationError, CapacityError
 */
export const startRun = async (services: Services, viewer: Viewer, given: StartRunInput): Promise<string> => {
  const checked = validate(input, given)
  const { projectId } = checked
  const { branch, earlier } = await transact(services, async (tx) => {
    const project = await findReadyProject(tx, viewer, projectId, 'AUTHOR')
    return {
      branch: project.targetBranch ?? '',
      earlier: await findEarlier(tx, viewer, mutation, checked.clientMutationId),
    }
  })
  if (earlier !== undefined) return earlier
  requireConfigured(services, checked.subagents ?? [], checked.judge ?? null)
  const { subagents, note } = chooseSubagents(services, checked.subagents ?? null)

  const { git } = services
  const baseCommit =
    checked.revision == null
      ? await git.branchHead(projectId, branch)
      : await git.resolveCommit(projectId, checked.revision)
  if (baseCommit === null) throw fieldFault('revision', 'names no branch, tag or commit of the project')
  return openOwnRun(
    services,
    viewer,
    { mutation, clientMutationId: checked.clientMutationId },
    {
      projectId,
      role: 'coder',
      ...sayNext(toConversation(checked.history ?? []), checked.message),
      baseCommit,
      tree: await git.treeOf(projectId, baseCommit),
      subagents,
      judge: checked.judge ?? null,
      note,
      metadata: safeJson(checked.metadata ?? null),
      budget: checked.budget ?? null,
    },
  )
}
