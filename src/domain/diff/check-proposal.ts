import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { commitMessage } from '../commit-message/commit-message.ts'
import { findReadyProject } from '../project/find-project.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { clientMutationId, fieldFault, prose, validate } from '../shared/validate.ts'

const input = z.object({
  projectId: z.uuid(),
  // The engine's own limit, in bytes, gives the better error.
  content: z.string(),
  commitMessage,
  baseCommit: z
    .string()
    .regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, 'must be a full commit id')
    .nullish(),
  prompt: prose(100_000).nullish(),
  allowInvalidSyntax: z.boolean().nullish(),
  clientMutationId,
})
export type ProposeDiffInput = z.input<typeof input>

/** A proposal from outside whose fields are sound. */
export interface CheckedProposal extends z.output<typeof input> {
  /** A commit of the branch: the one that was named, or its head. */
  readonly base: string
  readonly branch: string
}

/** @throws NotFoundError, ForbiddenError, ValidationError */
export const checkProposal = async (
  services: Services,
  viewer: Viewer,
  given: ProposeDiffInput,
): Promise<CheckedProposal> => {
  const checked = validate(input, given)
  const { projectId } = checked
  const branch = await transact(services, async (tx) => {
    const project = await findReadyProject(tx, viewer, projectId, 'AUTHOR')
    return project.targetBranch ?? ''
  })
  const head = await services.git.branchHead(projectId, branch)
  const base = checked.baseCommit ?? head
  if (!base || !(await services.git.branchContains(projectId, branch, base))) {
    throw fieldFault('baseCommit', `is not a commit of the branch ${branch}`)
  }
  return { ...checked, base, branch }
}
