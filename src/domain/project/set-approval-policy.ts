import type { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { refreshApprovals } from '../approval/refresh-approvals.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { validate } from '../shared/validate.ts'
import { approvalPolicyInput, mergePolicy } from './approval-policy-input.ts'
import { findProject } from './find-project.ts'

/**
 * Changes the given fields of a project's policy. Approvals were given under the old one, so they no longer hold, and
 * every diff that waits is looked at again under the new one.
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
    await refreshApprovals(tx, projectId, 'policy')
    return projectId
  })
}
