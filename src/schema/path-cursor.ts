import { fieldFault } from '../domain/shared/validate.ts'

const longestPath = 4_096

/** A place in a list of paths. */
export const formatPath = ({ pathBytes }: { readonly pathBytes: Buffer }): string => pathBytes.toString('base64url')

/** @throws ValidationError for what formatPath did not write */
export const parsePath = (argument: string, cursor: string | undefined): Buffer | null => {
  if (cursor === undefined) return null
  const path = Buffer.from(cursor, 'base64url')
  if (path.length === 0 || path.length > longestPath || path.toString('base64url') !== cursor) {
    throw fieldFault(argument, 'is not a cursor of this list')
  }
  return path
}
