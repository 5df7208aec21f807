const objectId = /^([0-9a-f]{40}|[0-9a-f]{64})$/

/**
 * Whether a branch or tag may have this name: git's rules (git-check-ref-format(1)), made stricter by what arguments
 * and URLs suffer. What reads like a whole object id is none.
 */
export const isBranchName = (name: string): boolean =>
  name !== '' &&
  name !== '@' &&
  name !== 'HEAD' &&
  name.length <= 200 &&
  name.isWellFormed() &&
  !name.startsWith('-') &&
  !name.endsWith('.') &&
  !objectId.test(name) &&
  !/[\p{Cc}\p{Cf}\p{Zs}\p{Zl}\p{Zp}~^:?*[\\'"`$;|&<>]|\.\.|@\{/u.test(name) &&
  name.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'))
