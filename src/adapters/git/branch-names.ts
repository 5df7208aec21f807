/** Which names a branch or tag may have: git's rules for references, made stricter by what arguments and URLs suffer. */

import { ValidationError } from '../../domain/errors.ts'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export function isUuid(text: string): boolean {
  return uuid.test(text)
}

export function isBranchName(name: string): boolean {
  return (
    name !== '' &&
    name !== '@' &&
    name !== 'HEAD' &&
    name.length <= 200 &&
    name.isWellFormed() &&
    !name.startsWith('-') &&
    !name.endsWith('.') &&
    !/[\p{Cc}\p{Zs}\p{Zl}\p{Zp}~^:?*[\\'"`$;|&<>]|\.\.|@\{/u.test(name) &&
    name.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'))
  )
}

/** The full name of a branch's reference. @throws ValidationError when the name is none */
export function branchRef(name: string): string {
  if (isBranchName(name)) return `refs/heads/${name}`
  const shown = JSON.stringify(name.slice(0, 100))
  throw new ValidationError([{ path: ['branch'], message: `${shown} is no valid branch name` }])
}
