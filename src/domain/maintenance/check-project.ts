import { RepositoryMissingError } from '../ports/git-store.ts'
import type { KeptRef } from '../ports/repository-care.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { checkDiffs } from './check-diffs.ts'
import { checkDigests } from './check-digests.ts'
import { incompleteTrees, missingObjects, spokenObjects } from './check-objects.ts'
import { checkVersions } from './check-versions.ts'
import { type FaultWords, orFault, restore } from './fault.ts'
import { isOurs } from './kept-rows.ts'
import { defaultMaintenance } from './maintenance-settings.ts'
import { orphanedRefs } from './sweep-refs.ts'

type Stores = Pick<Services, 'em' | 'git'>

const checkHead = async (stores: Stores, id: string): Promise<readonly FaultWords[]> => {
  const project = await rows(stores.em())
    .selectFrom('Project')
    .select(['headCommit', 'targetBranch'])
    .where('id', '=', id)
    .executeTakeFirst()
  if (!project?.headCommit || project.targetBranch === null) return []
  const { headCommit, targetBranch } = project
  const head = await stores.git.branchHead(id, targetBranch)
  if (head === headCommit) return []
  const committing = await rows(stores.em())
    .selectFrom('Diff')
    .select('id')
    .where('projectId', '=', id)
    .where('status', '=', 'COMMITTING')
    .executeTakeFirst()
  // A commit that was decided moves the branch before the row: whoever settles it brings them together.
  if (committing && head !== null) return []
  return [
    {
      what: 'branch',
      id: targetBranch,
      problem: `The project's row has it at ${headCommit}, and in the repository it ${head === null ? 'is not there' : `is at ${head}`}.`,
      remedy:
        head === null
          ? `Run git update-ref refs/heads/${targetBranch} ${headCommit} in the repository if the commit is there; else restore it from a backup.`
          : 'If somebody moved it on purpose, propose and commit a change, which takes note of it; else move it back with git update-ref.',
    },
  ]
}

const checkRefs = async (
  stores: Stores,
  id: string,
  refs: readonly KeptRef[],
  now: Date,
): Promise<readonly FaultWords[]> => {
  const orphans = await orphanedRefs(stores, id, new Date(now.getTime() - defaultMaintenance.refAgeMs))
  return [
    ...orphans.map(({ ref }) => ({
      what: 'reference',
      id: ref,
      problem: 'It keeps a commit that no row needs.',
      remedy: 'Nothing is lost: the next maintenance releases it.',
    })),
    ...refs
      .filter((ref) => !isOurs(ref))
      .map(({ ref }) => ({
        what: 'reference',
        id: ref,
        problem: 'It is none that Countersign makes.',
        remedy: 'If nobody needs it, remove it with git update-ref -d.',
      })),
  ]
}

/**
 * Looks once at everything that is stored of a project. What it finds may be work under way.
 * @throws the signal's reason, and whatever the database says
 */
export async function* checkProject(
  stores: Stores,
  projectId: string,
  now: Date,
  signal: AbortSignal,
): AsyncGenerator<readonly FaultWords[]> {
  const { git } = stores
  const broken = (problem: string) => [{ what: 'repository', id: null, problem, remedy: restore }]
  let refs: readonly KeptRef[]
  try {
    refs = await git.keptRefs(projectId)
  } catch (error) {
    yield broken(
      error instanceof RepositoryMissingError
        ? `There is none at ${git.directory(projectId)}.`
        : `The one at ${git.directory(projectId)} cannot be opened: ${(error as Error).message}`,
    )
    return
  }
  yield (await git.verify(projectId, signal)).flatMap(broken)
  const byName = new Map(refs.map((ref) => [ref.ref, ref]))
  yield await orFault('branch', null, () => checkHead(stores, projectId))
  yield await orFault('reference', null, () => checkRefs(stores, projectId, refs, now))
  yield* checkDiffs(stores, projectId, byName)
  yield* checkVersions(stores, projectId, byName)
  yield* checkDigests(stores, projectId)
  for await (const objects of spokenObjects(stores, projectId)) {
    yield await missingObjects(stores, projectId, objects)
    yield await orFault('repository', null, () => incompleteTrees(stores, projectId, objects))
  }
}
