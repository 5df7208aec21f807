import { type RawBuilder, sql } from 'kysely'
import { projectRole } from '../actor/access.ts'
import { includesRole, type Viewer } from '../actor/viewer.ts'
import { rows } from './database.ts'
import { runStatement } from './run-statement.ts'
import { prepared, withNext } from './statement-marks.ts'
import type { Transaction } from './transact.ts'
import { fieldFault } from './validate.ts'

type ProjectOf = (objectId: string) => RawBuilder<{ id: string }>

const inTable =
  (table: string): ProjectOf =>
  (id) =>
    sql`select project_id::text as id from ${sql.table(table)} where id = ${id}`

/** In which project what a mutation makes is; null where only an ADMIN of everything may ask, who sees all of it. */
const projectsOf = {
  createActor: null,
  createProject: null,
  createSession: inTable('session'),
  createSpec: inTable('spec'),
  createSprint: inTable('sprint'),
  createTestCase: inTable('test_case'),
  createVersion: inTable('version'),
  createWebhook: inTable('webhook'),
  forkRun: inTable('agent_run'),
  proposeDiff: inTable('diff'),
  sendMessage: (id) =>
    sql`select project_id::text as id from session where id = (select session_id from message where id = ${id})`,
  startRun: inTable('agent_run'),
} as const satisfies Record<string, ProjectOf | null>
/** A mutation that answers a repeated call with what the first one made. */
export type OnceMutation = keyof typeof projectsOf

/** That the command is allowed says nothing of this object: it may be in another project than the one now named. */
const requireAccess = async (tx: Transaction, viewer: Viewer, mutation: OnceMutation, objectId: string) => {
  const found = await projectsOf[mutation]?.(objectId).execute(rows(tx.em))
  const project = found?.rows[0]
  if (!project) return
  const needed = mutation === 'createWebhook' ? 'ADMIN' : 'VIEWER'
  if (!includesRole(await projectRole(tx.em, viewer, project.id), needed)) {
    throw fieldFault('clientMutationId', 'was used for an object that you cannot see any more: give another one')
  }
}

const lockStatement = `${withNext('lock-client-mutation')}select pg_advisory_xact_lock(hashtextextended($1, 0))`
const earlierStatement = `${prepared('earlier-client-mutation')}
  select object_id as id from client_mutation where actor_id = $1 and mutation = $2 and client_mutation_id = $3`
const keepStatement = `${withNext('keep-client-mutation')}
  insert into client_mutation (actor_id, mutation, client_mutation_id, object_id, created_at)
  values ($1, $2, $3, $4, $5)`

/**
 * The id of the object that an earlier call made; for commands that would otherwise do costly work for nothing.
 * @throws ValidationError when the viewer has lost access to it
 */
export const findEarlier = async (
  tx: Transaction,
  viewer: Viewer,
  mutation: OnceMutation,
  clientMutationId: string | null | undefined,
): Promise<string | undefined> => {
  if (!clientMutationId) return undefined
  const values = [viewer.actor.id, mutation, clientMutationId]
  const [earlier] = await runStatement<{ readonly id: string }>(tx.em, earlierStatement, values)
  if (earlier) await requireAccess(tx, viewer, mutation, earlier.id)
  return earlier?.id
}

/**
 * Makes an object once per (actor, mutation, clientMutationId): a repeated call gets the id of the first one's.
 * Two at the same time wait for each other.
 * @throws ValidationError when the viewer has lost access to that object
 */
export const once = async (
  tx: Transaction,
  viewer: Viewer,
  mutation: OnceMutation,
  clientMutationId: string | null | undefined,
  create: () => Promise<string>,
): Promise<string> => {
  if (!clientMutationId) return create()
  await runStatement(tx.em, lockStatement, [`${viewer.actor.id}/${mutation}/${clientMutationId}`])
  const earlier = await findEarlier(tx, viewer, mutation, clientMutationId)
  if (earlier !== undefined) return earlier
  const objectId = await create()
  const kept = [viewer.actor.id, mutation, clientMutationId, objectId, tx.now.toISOString()]
  await runStatement(tx.em, keepStatement, kept)
  return objectId
}
