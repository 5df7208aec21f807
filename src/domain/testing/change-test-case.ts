import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { NotFoundError } from '../errors.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { validate } from '../shared/validate.ts'
import { requireTestAuthority } from './require-test-authority.ts'
import { TestCase } from './test-case.entity.ts'
import { testCaseFields } from './test-case-input.ts'

const input = z.object({
  id: z.uuid(),
  name: testCaseFields.name.nullish(),
  command: testCaseFields.command.nullish(),
  quick: z.boolean().nullish(),
  timeoutMs: testCaseFields.timeoutMs.nullish(),
  allowModels: z.boolean().nullish(),
  files: testCaseFields.files.nullish(),
})
export type UpdateTestCaseInput = z.input<typeof input>

const find = async (tx: Transaction, viewer: Viewer, id: string) => {
  const testCase = await tx.em.findOne(TestCase, { id, deletedAt: null })
  if (!testCase) throw new NotFoundError('test case', id)
  await requireTestAuthority(tx, viewer, testCase.projectId, { noun: 'test case', id })
  return testCase
}

/** Changes the given fields; results that exist stay as they were run. @throws NotFoundError, ForbiddenError, ValidationError */
export const updateTestCase = async (
  services: Services,
  viewer: Viewer,
  given: UpdateTestCaseInput,
): Promise<string> => {
  const checked = validate(input, given)
  return transact(services, async (tx) => {
    const testCase = await find(tx, viewer, checked.id)
    testCase.name = checked.name ?? testCase.name
    testCase.command = checked.command ?? testCase.command
    testCase.quick = checked.quick ?? testCase.quick
    testCase.timeoutMs = checked.timeoutMs ?? testCase.timeoutMs
    testCase.allowModels = checked.allowModels ?? testCase.allowModels
    testCase.files = checked.files ?? testCase.files
    return testCase.id
  })
}

/** Takes a test case out of use; its results stay. @throws NotFoundError, ForbiddenError */
export const deleteTestCase = async (services: Services, viewer: Viewer, id: string): Promise<string> =>
  transact(services, async (tx) => {
    const testCase = await find(tx, viewer, id)
    testCase.deletedAt = tx.now
    return id
  })
