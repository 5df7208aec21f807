import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { findProject } from '../project/find-project.ts'
import { once } from '../shared/once.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { clientMutationId, validate } from '../shared/validate.ts'
import { requireTestAuthority } from './require-test-authority.ts'
import { TestCase } from './test-case.entity.ts'
import { testCaseFields } from './test-case-input.ts'
import { defaultTimeoutMs } from './test-timeouts.ts'

const input = z.object({
  projectId: z.uuid(),
  name: testCaseFields.name,
  command: testCaseFields.command,
  quick: z.boolean().nullish(),
  timeoutMs: testCaseFields.timeoutMs.nullish(),
  allowModels: z.boolean().nullish(),
  files: testCaseFields.files.nullish(),
  clientMutationId,
})
export type CreateTestCaseInput = z.input<typeof input>

/**
 * A check that can be run on a diff. One that may call models spends under the project's budget, as whoever may start a
 * sprint can.
 * @throws NotFoundError, ForbiddenError, ValidationError */
export const createTestCase = async (
  services: Services,
  viewer: Viewer,
  given: CreateTestCaseInput,
): Promise<string> => {
  const checked = validate(input, given)
  return transact(services, async (tx) => {
    const project = await findProject(tx, viewer, checked.projectId, 'AUTHOR')
    await requireTestAuthority(tx, viewer, project.id)
    return once(tx, viewer, 'createTestCase', checked.clientMutationId, async () => {
      const id = randomUUID()
      const quick = checked.quick ?? true
      tx.em.create(TestCase, {
        id,
        projectId: project.id,
        name: checked.name,
        command: checked.command,
        quick,
        timeoutMs: checked.timeoutMs ?? defaultTimeoutMs(quick),
        allowModels: checked.allowModels ?? false,
        files: checked.files ?? [],
        createdAt: tx.now,
      })
      return id
    })
  })
}
