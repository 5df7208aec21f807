import type { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { validate } from '../shared/validate.ts'
import { approvalPolicyInput, mergePolicy } from './create-project.ts'
import { findProject } from './find-project.ts'

/**
 * Changes the given fields of a project's policy. Approvals were given under the old one, so they no longer hold.
 * @throws NotFoundError, ForbiddenError, ValidationError
 */
export const setApprovalPolicy = async (
  services: Services,
  viewer: Viewer,
  projectId: string,
  given: z.input<typeof approvalPolicyInput>,
): Promise<string> => {
  const policy = validate(approvalPolicyInput, given)
  return transact(services, async (tx) => {
    const project = await findProject(tx, viewer, projectId, 'ADMIN', true)
    project.policy = mergePolicy(project.policy, policy)
    return projectId
  })
}
