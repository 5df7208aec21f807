import { LockMode } from '@mikro-orm/core'
import type { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { InvalidTransitionError } from '../errors.ts'
import { leaseOn, revokeLeases } from '../lease/lease.ts'
import { findProject } from '../project/find-project.ts'
import type { ProjectRow } from '../project/project.entity.ts'
import { canonicalHash } from '../shared/canonical-hash.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { fieldFault, validate } from '../shared/validate.ts'
import { endEnvironment } from './end-environment.ts'
import { Environment } from './environment.entity.ts'
import { changeDefinition, environmentInput } from './environment-definition.ts'
import { hasLayer } from './has-layer.ts'
import { takeEnvironment } from './use-environment.ts'
import { wantedEnvironment } from './wanted-environment.ts'

export type SetEnvironmentInput = z.input<typeof environmentInput>

const findSettable = async (tx: Transaction, viewer: Viewer, id: string) => {
  const project = await findProject(tx, viewer, id, 'ADMIN', true)
  if (project.archivedAt) throw new InvalidTransitionError('project', project.status, 'READY')
  if (project.status !== 'READY') throw fieldFault('projectId', `the project is ${project.status}; it must be READY`)
  return project
}

/** Builds that nobody will need are ended, with what they run; who waited for one asks for what is needed now. */
const cancelOthers = async (tx: Transaction, projectId: string, hash: string | null): Promise<void> => {
  const unfinished = { projectId, status: { $in: ['PENDING', 'RUNNING'] }, ...(hash && { hash: { $ne: hash } }) }
  const found = await tx.em.find(Environment, unfinished as never, { fields: ['id'] })
  const ids = found.map(({ id }) => id).sort()
  // First, as the builder locks its lease first.
  await revokeLeases(
    tx,
    ids.map((id) => leaseOn('environment', id)),
  )
  const others = await tx.em.find(
    Environment,
    { id: { $in: ids } },
    { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true, orderBy: { id: 'asc' } },
  )
  for (const other of others) {
    if (other.status === 'PENDING' || other.status === 'RUNNING') await endEnvironment(tx, other, 'CANCELED', null)
  }
}

const stateOf = ({ environment, headCommit }: { environment: unknown; headCommit?: string | null }): string =>
  canonicalHash({ environment, headCommit })

/**
 * Changes the given fields of a project's environment, and has it built for the branch's head at once, so that whoever
 * set it sees the log. The same fields again change nothing, but a build that failed is tried again.
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError when the project is archived
 */
export const setEnvironment = async (
  services: Services,
  viewer: Viewer,
  projectId: string,
  given: SetEnvironmentInput,
): Promise<string> => {
  const checked = validate(environmentInput, given)
  for (;;) {
    const seen = (await transact(services, (tx) => findSettable(tx, viewer, projectId))) as ProjectRow
    const environment = changeDefinition(seen.environment, checked)
    const tree = seen.headCommit == null ? null : await services.git.treeOf(projectId, seen.headCommit)
    const wanted = tree === null ? null : await wantedEnvironment(services, { id: projectId, environment }, tree)
    const isThere = wanted !== null && (await hasLayer(services, wanted.hash))
    const isSet = await transact(services, async (tx) => {
      const project = await findSettable(tx, viewer, projectId)
      // Somebody else set another one meanwhile, or the branch moved: what was looked up is not what is wanted.
      if (stateOf(project) !== stateOf(seen)) return false
      project.environment = environment
      await cancelOthers(tx, projectId, wanted?.hash ?? null)
      if (wanted !== null) await takeEnvironment(tx, wanted, { isThere, retry: true })
      return true
    })
    if (isSet) return projectId
  }
}
