import { NotFoundError } from '../domain/errors.ts'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Whether PostgreSQL takes it as the id of a row. */
export const isRowId = (text: string): boolean => uuid.test(text)

/** The row's id inside a global id of the given type; undefined when it is none. */
export const readId = (type: string, globalId: string): string | undefined => {
  const text = Buffer.from(globalId, 'base64').toString('utf8')
  const at = text.indexOf(':')
  const id = text.slice(at + 1)
  return text.slice(0, at) === type && isRowId(id) ? id : undefined
}

/**
 * The row's id inside a global id that a client sent.
 * @throws NotFoundError when it is not an id of this type: nothing has it
 */
export const localId = (type: string, globalId: string): string => {
  const id = readId(type, globalId)
  if (id === undefined) throw new NotFoundError(type, globalId)
  return id
}

/** The same where the argument is optional. */
export const optionalId = (type: string, globalId: string | null | undefined): string | undefined =>
  globalId == null ? undefined : localId(type, globalId)
