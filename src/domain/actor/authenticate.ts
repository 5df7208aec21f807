import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { tokenSecretHash } from './token-secret.ts'
import type { Viewer } from './viewer.ts'

// Writing every use would cost a commit per request.
const lastUsedGranularityMs = 60_000

/** Who a bearer token speaks for; undefined when it is unknown, expired or revoked, or its actor is disabled. */
export const authenticate = (services: Services, secret: string): Promise<Viewer | undefined> =>
  findViewer(services, 'secretHash', tokenSecretHash(secret))

/** The same for a token that was shown before, as a browser's session remembers it. */
export const authenticateAgain = (services: Services, tokenId: string): Promise<Viewer | undefined> =>
  findViewer(services, 'id', tokenId)

const findViewer = async (services: Services, by: 'id' | 'secretHash', value: string): Promise<Viewer | undefined> => {
  const now = services.clock()
  const token = await rows(services.em())
    .selectFrom('ApiToken')
    .selectAll()
    .where(by, '=', value)
    .where('revokedAt', 'is', null)
    .executeTakeFirst()
  if (!token || (token.expiresAt !== null && token.expiresAt <= now)) return undefined
  const actor = await rows(services.em())
    .selectFrom('Actor')
    .selectAll()
    .where('id', '=', token.actorId)
    .where('disabledAt', 'is', null)
    .executeTakeFirst()
  if (!actor) return undefined
  if (token.lastUsedAt === null || now.getTime() - token.lastUsedAt.getTime() > lastUsedGranularityMs) {
    await rows(services.em()).updateTable('ApiToken').set({ lastUsedAt: now }).where('id', '=', token.id).execute()
  }
  return { actor, tokenId: token.id, tokenRole: token.role }
}

/** Whether what a viewer came with still holds, for work that outlasts a request. */
export const isStillSignedIn = async (services: Services, viewer: Viewer): Promise<boolean> => {
  const token = await rows(services.em())
    .selectFrom('ApiToken')
    .innerJoin('Actor', 'Actor.id', 'ApiToken.actorId')
    .select('ApiToken.expiresAt')
    .where('ApiToken.id', '=', viewer.tokenId)
    .where('ApiToken.revokedAt', 'is', null)
    .where('Actor.disabledAt', 'is', null)
    .executeTakeFirst()
  return token !== undefined && (token.expiresAt === null || token.expiresAt > services.clock())
}
