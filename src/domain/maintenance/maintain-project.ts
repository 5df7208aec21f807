import { leaseOn, withLease } from '../lease/lease.ts'
import { Project } from '../project/project.entity.ts'
import { forgetOldAnalyses } from '../safety/analyze-blobs.ts'
import type { Services } from '../shared/services.ts'
import { askForMaintenance } from './ask-for-maintenance.ts'
import { isBackedUp } from './backup-lock.ts'
import { isDue } from './due-projects.ts'
import { defaultMaintenance, type MaintenanceSettings } from './maintenance-settings.ts'
import { spokenTrees } from './spoken-trees.ts'
import { sweepRefs } from './sweep-refs.ts'

/**
 * Keeps a project small: releases references without a row, holds what rows alone speak of, forgets analyses by earlier
 * analyzers, packs, and removes what nothing reaches. Work on the project goes on meanwhile.
 * @throws Error when the repository is broken; then nothing was removed
 */
export const tendRepository = async (
  services: Services,
  projectId: string,
  settings: MaintenanceSettings,
  signal: AbortSignal,
): Promise<void> => {
  const { git, em, log } = services
  const now = services.clock().getTime()
  const released = await sweepRefs(services, projectId, new Date(now - settings.refAgeMs))
  if (released > 0) log.info({ projectId, released }, 'references without a row were released')
  signal.throwIfAborted()
  const missing = await git.holdTrees(projectId, spokenTrees(em, projectId))
  if (missing.length > 0) {
    log.error(
      { projectId, missing: missing.length, first: missing[0] },
      'rows speak of trees that the repository does not have: run `countersign fsck`',
    )
  }
  const forgotten = await forgetOldAnalyses(services, projectId)
  if (forgotten > 0) log.info({ projectId, forgotten }, 'analyses by an earlier analyzer were removed')
  signal.throwIfAborted()
  await git.pack(projectId, {
    expireBefore: new Date(now - settings.objectAgeMs),
    timeoutMs: settings.timeoutMs,
    signal,
  })
}

/**
 * Maintains a project's repository if that is due, and then asks for the next project. One process at a time works on
 * a repository.
 */
export const maintainProject = async (
  services: Services,
  projectId: string,
  stop: AbortSignal,
  settings: MaintenanceSettings = defaultMaintenance,
): Promise<void> => {
  await withLease(services, leaseOn('maintenance', projectId), stop, async (lease) => {
    if (!(await isDue(services, projectId, settings)) || (await isBackedUp(services))) return
    const at = services.clock()
    // It costs nothing to begin again, and may take long: the process need not wait for it.
    await tendRepository(services, projectId, settings, AbortSignal.any([lease.signal, stop]))
    await lease.transact(async (tx) => {
      const project = await tx.em.findOneOrFail(Project, { id: projectId })
      project.maintainedAt = at
    })
  })
  await askForMaintenance(services, settings)
}
