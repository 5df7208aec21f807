import type { EntityManager } from '@mikro-orm/postgresql'
import { z } from 'zod'
import { refreshApprovals } from '../approval/refresh-approvals.ts'
import { reviewableStatuses } from '../diff/diff.status.ts'
import { ForbiddenError, NotFoundError, roles } from '../errors.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { fieldFault, line, validate } from '../shared/validate.ts'
import { requireGlobalRole } from './access.ts'
import { Actor, type ActorRow } from './actor.entity.ts'
import { pipelineActorId } from './ensure-actors.ts'
import { includesRole, type Viewer } from './viewer.ts'

const input = z.object({
  id: z.uuid(),
  name: line(200).nullish(),
  role: z.enum(roles).nullish(),
  disabled: z.boolean().nullish(),
})
export type UpdateActorInput = z.input<typeof input>

const maxNamed = 5

type Standing = Pick<ActorRow, 'kind' | 'role' | 'disabledAt'>

const isPersonInCharge = ({ kind, role, disabledAt }: Standing): boolean =>
  kind === 'HUMAN' && role === 'ADMIN' && disabledAt === null

/**
 * Locks every actor who can change actors: of two who take the role from each other at once, the second finds what the
 * first has done. Others who only name an actor need not wait.
 */
const lockAdministrators = async (em: EntityManager): Promise<readonly ActorRow[]> =>
  rows(em)
    .selectFrom('Actor')
    .selectAll()
    .where('role', '=', 'ADMIN')
    .where('disabledAt', 'is', null)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()

const lockActor = async (em: EntityManager, id: string) => {
  await rows(em).selectFrom('Actor').select('id').where('id', '=', id).forNoKeyUpdate().execute()
  return em.findOne(Actor, { id })
}

/** What was approved because they may review, or was not because they may not, is looked at again. */
const refreshReviewed = async (tx: Transaction, reviewerId: string): Promise<void> => {
  await tx.em.flush()
  const projects = await rows(tx.em)
    .selectFrom('Project')
    .select('id')
    .where('id', 'in', (nested) =>
      nested
        .selectFrom('Diff')
        .innerJoin('Review', 'Review.diffId', 'Diff.id')
        .select('Diff.projectId')
        .where('Review.reviewerId', '=', reviewerId)
        .where('Diff.status', 'in', [...reviewableStatuses]),
    )
    .orderBy('id')
    .forUpdate()
    .execute()
  for (const { id } of projects) await refreshApprovals(tx, id, 'reviewers')
}

/** Who would be left without somebody who answers for them. */
const requireNoWards = async (em: EntityManager, ownerId: string): Promise<void> => {
  const wards = await rows(em)
    .selectFrom('Actor')
    .select('name')
    .where('ownerId', '=', ownerId)
    .where('disabledAt', 'is', null)
    .orderBy('createdAt')
    .execute()
  if (wards.length === 0) return
  const named = wards.slice(0, maxNamed).map(({ name }) => `"${name}"`)
  const rest = wards.length > maxNamed ? ` and ${wards.length - maxNamed} more` : ''
  throw fieldFault('disabled', `answers for ${named.join(', ')}${rest}: disable these first`)
}

const requireEnabledOwner = async (em: EntityManager, ownerId: string): Promise<void> => {
  const owner = await lockActor(em, ownerId)
  if (owner?.disabledAt) throw fieldFault('disabled', `its owner "${owner.name}" is disabled: enable them first`)
}

/**
 * Changes what is given of an actor: the name, the role on all projects (null takes it away; memberships stay), and
 * whether they may come in at all. It counts from the next request, and ends connections soon after. One enabled person
 * with the role ADMIN always remains.
 * @throws ForbiddenError, NotFoundError, ValidationError
 */
export const updateActor = async (services: Services, viewer: Viewer, given: UpdateActorInput): Promise<string> => {
  requireGlobalRole(viewer, 'ADMIN')
  const { id, name, role, disabled } = validate(input, given)
  return transact(services, async (tx) => {
    const administrators = await lockAdministrators(tx.em)
    const own = administrators.find((actor) => actor.id === viewer.actor.id)
    if (!own || !includesRole(own.role, 'ADMIN')) {
      throw new ForbiddenError('You were an ADMIN when you asked, and are none any more.', 'ADMIN')
    }
    const actor = await lockActor(tx.em, id)
    if (!actor) throw new NotFoundError('actor', id)
    if (id === pipelineActorId) throw fieldFault('id', 'is the pipeline itself, which stays as it is')
    const before = { role: actor.role, disabledAt: actor.disabledAt }
    const wasInCharge = administrators.some((each) => each.id === id && isPersonInCharge(each))
    if (name != null) actor.name = name
    if (role !== undefined) actor.role = role
    if (disabled === true && !actor.disabledAt) {
      await requireNoWards(tx.em, id)
      actor.disabledAt = tx.now
    } else if (disabled === false && actor.disabledAt) {
      if (actor.ownerId) await requireEnabledOwner(tx.em, actor.ownerId)
      actor.disabledAt = null
    }
    const others = administrators.filter((each) => each.id !== id && isPersonInCharge(each))
    if (wasInCharge && others.length === 0 && !isPersonInCharge(actor as ActorRow)) {
      throw fieldFault(
        disabled === true ? 'disabled' : 'role',
        'is the last person with the role ADMIN on all projects: give it to somebody else first',
      )
    }
    if (actor.role !== before.role || actor.disabledAt !== before.disabledAt) await refreshReviewed(tx, id)
    return id
  })
}
