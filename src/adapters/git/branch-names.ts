/** The names under which references are kept. */

import { ValidationError } from '../../domain/errors.ts'
import { isBranchName } from '../../domain/project/branch-name.ts'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export function isUuid(text: string): boolean {
  return uuid.test(text)
}

/** The full name of a branch's reference. @throws ValidationError when the name is none */
export function branchRef(name: string): string {
  if (isBranchName(name)) return `refs/heads/${name}`
  const shown = JSON.stringify(name.slice(0, 100))
  throw new ValidationError([{ path: ['branch'], message: `${shown} is no valid branch name` }])
}
