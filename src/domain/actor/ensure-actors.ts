import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { Actor } from './actor.entity.ts'
import { ApiToken } from './api-token.entity.ts'
import { tokenSecretHash } from './token-secret.ts'

// Any constant serves that nothing else of ours locks.
const actorsLock = 7_236_002

/** The author of what the pipeline writes. Its owner is nobody: the requester of the work counts as self. */
export const pipelineActorId = '00000000-0000-4000-8000-000000000001'

/** Makes the pipeline's actor, and the first administrator with the given token, where they are missing. */
export const ensureActors = async (services: Services, adminSecret: string): Promise<void> => {
  await transact(services, async (tx) => {
    // Processes that start at the same time find what the first one made.
    await sql`select pg_advisory_xact_lock(${actorsLock})`.execute(rows(tx.em))
    if (!(await tx.em.findOne(Actor, { id: pipelineActorId }))) {
      tx.em.create(Actor, { id: pipelineActorId, kind: 'AGENT', name: 'Countersign', createdAt: tx.now })
    }
    const secretHash = tokenSecretHash(adminSecret)
    if (await tx.em.findOne(ApiToken, { secretHash })) return
    const admin = await tx.em.findOne(
      Actor,
      { kind: 'HUMAN', role: 'ADMIN', disabledAt: null },
      { orderBy: { createdAt: 'asc' } },
    )
    const actorId = admin?.id ?? randomUUID()
    if (!admin) {
      tx.em.create(Actor, { id: actorId, kind: 'HUMAN', name: 'Administrator', role: 'ADMIN', createdAt: tx.now })
    }
    tx.em.create(ApiToken, {
      id: randomUUID(),
      actorId,
      name: 'first administrator',
      role: 'ADMIN',
      secretHash,
      createdAt: tx.now,
    })
  })
}
