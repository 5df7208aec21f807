import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { ForbiddenError } from '../errors.ts'
import type { ApprovalPolicy } from '../project/approval-policy.ts'
import { Project } from '../project/project.entity.ts'
import type { Transaction } from '../shared/transact.ts'

const restsOnTests = ({ requirePassingTests, autoApprove }: ApprovalPolicy): boolean =>
  requirePassingTests || autoApprove.some((rule) => rule.requirePassingTests)

/**
 * Whoever proposes changes may say what they are tested by, as long as nothing rests on it. Where the policy asks for
 * passing tests they are part of the gate: then only a person who may review changes them.
 * @throws NotFoundError, ForbiddenError
 */
export const requireTestAuthority = async (
  tx: Transaction,
  viewer: Viewer,
  projectId: string,
  subject?: { noun: string; id: string },
): Promise<void> => {
  await requireProjectRole(tx.em, viewer, projectId, 'AUTHOR', subject)
  const { policy } = await tx.em.findOneOrFail(Project, { id: projectId })
  if (!restsOnTests(policy)) return
  await requireProjectRole(tx.em, viewer, projectId, 'REVIEWER', subject)
  if (viewer.actor.kind !== 'HUMAN') {
    throw new ForbiddenError("Only a person can change the tests that the project's policy asks for.", 'REVIEWER')
  }
}
