import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { findReadyProject } from '../project/find-project.ts'
import { once } from '../shared/once.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { clientMutationId, fieldFault, prose, validate } from '../shared/validate.ts'
import { projectTestCases } from '../testing/open-test-run.ts'
import { commitMessage } from './commit-message.ts'
import { keepResult, prepareDiff } from './prepare-diff.ts'
import { storeDiff } from './store-diff.ts'

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

/**
 * A change from outside: a person's, or another agent's. Without a base commit, on the target branch's head.
 * @throws NotFoundError, ForbiddenError, ValidationError, PatchRejectedError, SyntaxRejectedError
 */
export const proposeDiff = async (services: Services, viewer: Viewer, given: ProposeDiffInput): Promise<string> => {
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
  const prepared = await prepareDiff(services, projectId, base, checked.content, {
    allowInvalidSyntax: checked.allowInvalidSyntax ?? false,
  })
  const testCases = await projectTestCases(services, projectId)
  const id = randomUUID()
  await keepResult(services, projectId, id, prepared, services.clock())
  let stored: string | undefined
  try {
    stored = await transact(services, (tx) =>
      once(tx, viewer, 'proposeDiff', checked.clientMutationId, async () => {
        const diff = {
          id,
          projectId,
          origin: 'EXTERNAL',
          authorId: viewer.actor.id,
          requestedById: null,
          candidateId: null,
          sprintId: null,
          iteration: 1,
          supersedesId: null,
          targetBranch: branch,
          prompt: checked.prompt ?? null,
          commitMessage: checked.commitMessage,
        } as const
        await storeDiff(services, tx, diff, prepared, testCases)
        return id
      }),
    )
  } finally {
    // Refused by the database, or an earlier call's diff: nothing points to this one.
    if (stored !== id) await services.git.release(projectId, 'diffs', id)
  }
  return stored
}
