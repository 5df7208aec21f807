import { sql } from 'kysely'
import { ClientMutation } from '../actor/client-mutation.entity.ts'
import type { Viewer } from '../actor/viewer.ts'
import { rows } from './database.ts'
import type { Transaction } from './transact.ts'

/** The id of the object that an earlier call made; for commands that would otherwise do costly work for nothing. */
export const findEarlier = async (
  tx: Transaction,
  viewer: Viewer,
  mutation: string,
  clientMutationId: string | null | undefined,
): Promise<string | undefined> => {
  if (!clientMutationId) return undefined
  const earlier = await rows(tx.em)
    .selectFrom('ClientMutation')
    .select('objectId')
    .where('actorId', '=', viewer.actor.id)
    .where('mutation', '=', mutation)
    .where('clientMutationId', '=', clientMutationId)
    .executeTakeFirst()
  return earlier?.objectId
}

/**
 * Makes an object once per (actor, mutation, clientMutationId): a repeated call gets the id of the first one's.
 * Two at the same time wait for each other.
 */
export const once = async (
  tx: Transaction,
  viewer: Viewer,
  mutation: string,
  clientMutationId: string | null | undefined,
  create: () => Promise<string>,
): Promise<string> => {
  if (!clientMutationId) return create()
  const key = `${viewer.actor.id}/${mutation}/${clientMutationId}`
  await sql`select pg_advisory_xact_lock(hashtextextended(${key}, 0))`.execute(rows(tx.em))
  const earlier = await findEarlier(tx, viewer, mutation, clientMutationId)
  if (earlier !== undefined) return earlier
  const objectId = await create()
  tx.em.create(ClientMutation, { actorId: viewer.actor.id, mutation, clientMutationId, objectId, createdAt: tx.now })
  return objectId
}
