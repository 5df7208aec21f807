import { fieldFault } from '../shared/validate.ts'

/** A place in the event log. Transactions commit out of the order of their ids, so the transaction's id comes first. */
export interface EventCursor {
  readonly xid: string
  readonly id: string
}

export const formatCursor = (cursor: EventCursor): string => `${cursor.xid}-${cursor.id}`

// The largest that PostgreSQL's xid8 and bigint hold.
const maxXid = 2n ** 64n - 1n
const maxId = 2n ** 63n - 1n

/** @throws ValidationError when it is not a cursor that this server gave */
export const parseCursor = (text: string): EventCursor => {
  const [, xid, id] = /^(\d{1,20})-(\d{1,19})$/.exec(text) ?? []
  if (xid === undefined || id === undefined || BigInt(xid) > maxXid || BigInt(id) > maxId) {
    throw fieldFault('after', 'is not a cursor of this event log')
  }
  // As the log has them: a client may have put zeros before.
  return { xid: String(BigInt(xid)), id: String(BigInt(id)) }
}

/** Whether a comes after b. */
export const isAfter = (a: EventCursor, b: EventCursor): boolean =>
  a.xid === b.xid ? isLarger(a.id, b.id) : isLarger(a.xid, b.xid)

/** Of whole numbers as PostgreSQL writes them: no signs, no zeros before. Asked for every event and follower. */
const isLarger = (a: string, b: string): boolean => (a.length === b.length ? a > b : a.length > b.length)
