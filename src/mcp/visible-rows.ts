import type { DiffRow } from '../domain/diff/diff.entity.ts'
import { NotFoundError } from '../domain/errors.ts'
import type { ProjectRow } from '../domain/project/project.entity.ts'
import { fieldFault } from '../domain/shared/validate.ts'
import type { VersionRow } from '../domain/version/version.entity.ts'
import { localId } from '../schema/ids.ts'
import { createLoaders, type Loaders } from '../schema/loaders.ts'
import { visible } from '../schema/visible.ts'
import type { ToolContext } from './tool.ts'

/** An id that no row has: an empty list of values would not be a condition that SQL takes. */
export const nowhere = '00000000-0000-0000-0000-000000000000'

/** Rows, batched and kept for one reading of the state. */
export const loadersOf = ({ services, viewer }: ToolContext): Loaders => createLoaders(services, viewer)

/** @throws NotFoundError for what the viewer cannot see */
export const findProject = async (load: Loaders, globalId: string): Promise<ProjectRow> => {
  const id = localId('Project', globalId)
  const project = await visible({ load }, await load.project.load(id), id)
  if (!project) throw new NotFoundError('project', globalId)
  return project
}

/** @throws NotFoundError for what the viewer cannot see */
export const findDiff = async (load: Loaders, globalId: string): Promise<DiffRow> => {
  const row = await load.diff.load(localId('Diff', globalId))
  const diff = await visible({ load }, row, row?.projectId)
  if (!diff) throw new NotFoundError('diff', globalId)
  return diff
}

/** @throws NotFoundError for what the viewer cannot see */
export const findVersion = async (load: Loaders, globalId: string): Promise<VersionRow> => {
  const row = await load.version.load(localId('Version', globalId))
  const version = await visible({ load }, row, row?.projectId)
  if (!version) throw new NotFoundError('version', globalId)
  return version
}

/** The commit that a revision names, the head when none is given. @throws ValidationError when there is none */
export const findCommit = async (
  { services }: ToolContext,
  { id, headCommit, status, failure, targetBranch }: ProjectRow,
  revision: string | undefined,
): Promise<string> => {
  if (status === 'CREATING') {
    throw fieldFault('projectId', 'the project is CREATING: read it once list_projects says READY')
  }
  if (status === 'FAILED') throw fieldFault('projectId', `the project is FAILED: ${failure ?? 'it has no files'}`)
  if (revision === undefined && headCommit === null) {
    throw fieldFault('projectId', `its branch ${targetBranch} has no commit: name a revision`)
  }
  const commit = revision === undefined ? headCommit : await services.git.resolveCommit(id, revision)
  if (commit === null) throw fieldFault('revision', 'names no branch, tag or commit of the project')
  return commit
}
