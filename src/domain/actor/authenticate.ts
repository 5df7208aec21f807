import type { Role } from '../errors.ts'
import { rows } from '../shared/database.ts'
import { readerOf } from '../shared/reader.ts'
import { runStatement } from '../shared/run-statement.ts'
import type { Services } from '../shared/services.ts'
import { prepared } from '../shared/statement-marks.ts'
import type { ActorRow } from './actor.entity.ts'
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

/** Times in milliseconds: what is read past the entities is not converted. */
interface FoundToken extends Omit<ActorRow, 'createdAt' | 'disabledAt'> {
  readonly actorMadeAt: number
  readonly tokenId: string
  readonly tokenRole: Role
  readonly expiresAt: number | null
  readonly lastUsedAt: number | null
}

const findTokenWhere = (name: string, condition: string): string =>
  `${prepared(name)}select token.id as "tokenId", token.role as "tokenRole",
    (extract(epoch from token.expires_at) * 1000)::float8 as "expiresAt",
    (extract(epoch from token.last_used_at) * 1000)::float8 as "lastUsedAt",
    actor.id, actor.kind, actor.name, actor.email, actor.role, actor.owner_id as "ownerId",
    (extract(epoch from actor.created_at) * 1000)::float8 as "actorMadeAt"
  from api_token token join actor on actor.id = token.actor_id
  where ${condition} and token.revoked_at is null and actor.disabled_at is null`

const findToken = {
  id: findTokenWhere('find-token', 'token.id = $1'),
  secretHash: findTokenWhere('find-token-by-secret', 'token.secret_hash = $1'),
} as const

/** With every request, so that it is one statement. */
const findViewer = async (
  services: Services,
  by: keyof typeof findToken,
  value: string,
): Promise<Viewer | undefined> => {
  const now = services.clock()
  const [token] = await runStatement<FoundToken>(readerOf(services), findToken[by], [value])
  if (!token || (token.expiresAt !== null && token.expiresAt <= now.getTime())) return undefined
  const { tokenId, tokenRole, expiresAt: _, lastUsedAt, actorMadeAt, ...actor } = token
  if (lastUsedAt === null || now.getTime() - lastUsedAt > lastUsedGranularityMs) {
    await rows(services.em()).updateTable('ApiToken').set({ lastUsedAt: now }).where('id', '=', tokenId).execute()
  }
  return { actor: { ...actor, createdAt: new Date(actorMadeAt), disabledAt: null }, tokenId, tokenRole }
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
