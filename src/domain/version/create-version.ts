import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { commitMessage } from '../commit-message/commit-message.ts'
import { DomainError, SourceRejectedError } from '../errors.ts'
import { findReadyProject } from '../project/find-project.ts'
import { rows } from '../shared/database.ts'
import { findEarlier, once } from '../shared/once.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { clientMutationId, fieldFault, validate } from '../shared/validate.ts'
import { manifestOf } from './manifest.ts'
import { Version } from './version.entity.ts'

const mutation = 'createVersion'

const input = z.object({
  projectId: z.uuid(),
  message: commitMessage,
  // Its characters are looked at where it is resolved.
  revision: z.string().min(1, 'must not be empty').max(300, 'must have at most 300 characters').nullish(),
  archive: z.custom<AsyncIterable<Uint8Array>>().nullish(),
  clientMutationId,
})
export type CreateVersionInput = z.input<typeof input>
type CheckedInput = z.output<typeof input>

/** The commit that the version will be: an existing one, or that of the archive. */
const commitOf = async (
  { git, clock }: Services,
  viewer: Viewer,
  { projectId, message, revision, archive }: CheckedInput,
  branch: string,
): Promise<string> => {
  if (archive) {
    const author = { name: viewer.actor.name, email: viewer.actor.email ?? 'countersign@localhost', at: clock() }
    try {
      return await git.storeArchive(projectId, archive, { message, author })
    } catch (error) {
      if (error instanceof SourceRejectedError) throw fieldFault('archive', error.message)
      throw error
    }
  }
  const commit =
    revision == null ? await git.branchHead(projectId, branch) : await git.resolveCommit(projectId, revision)
  if (commit === null) throw fieldFault('revision', 'names no branch, tag or commit of the project')
  return commit
}

/** The time and id of the project's newest version. The caller has locked the project: nobody else adds one. */
const findNewest = (tx: Transaction, projectId: string) =>
  rows(tx.em)
    .selectFrom('Version')
    .select(['id', 'createdAt'])
    .where('projectId', '=', projectId)
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()

/** Lists are sorted by this: a transaction that waited for another's version must not come before it. */
const timeAfter = (now: Date, earlier: Date | undefined): Date =>
  earlier === undefined || now > earlier ? now : new Date(earlier.getTime() + 1)

/**
 * Keeps a snapshot of the target branch's head, of another revision, or of an uploaded archive. Of a revision, the
 * version is that commit itself; of an archive, a commit without parents.
 * @returns its id
 * @throws NotFoundError, ForbiddenError, ValidationError
 */
export const createVersion = async (services: Services, viewer: Viewer, given: CreateVersionInput): Promise<string> => {
  const checked = validate(input, given)
  const { projectId, message } = checked
  if (checked.archive && checked.revision != null) {
    throw fieldFault('archive', 'is taken instead of a revision: give one of the two, or neither')
  }
  const { branch, earlier } = await transact(services, async (tx) => {
    const project = await findReadyProject(tx, viewer, projectId, 'AUTHOR')
    return {
      branch: project.targetBranch ?? '',
      earlier: await findEarlier(tx, viewer, mutation, checked.clientMutationId),
    }
  })
  if (earlier !== undefined) return earlier

  const { git } = services
  const id = randomUUID()
  const commitOid = await commitOf(services, viewer, checked, branch)
  const tree = await git.treeOf(projectId, commitOid)
  const manifest = await manifestOf(services, projectId, tree)
  await git.keep(projectId, 'versions', id, commitOid)
  try {
    const stored = await transact(services, (tx) =>
      once(tx, viewer, mutation, checked.clientMutationId, async () => {
        await findReadyProject(tx, viewer, projectId, 'AUTHOR', true)
        const newest = await findNewest(tx, projectId)
        tx.em.create(Version, {
          id,
          projectId,
          parentId: newest?.id ?? null,
          commitOid,
          tree,
          message,
          manifestHash: manifest.hash,
          fileCount: manifest.fileCount,
          totalBytes: manifest.totalBytes,
          createdById: viewer.actor.id,
          createdAt: timeAfter(tx.now, newest?.createdAt),
        })
        return id
      }),
    )
    if (stored !== id) await git.release(projectId, 'versions', id)
    return stored
  } catch (error) {
    // After any other fault the row may be there; a reference without one is swept.
    if (error instanceof DomainError) await git.release(projectId, 'versions', id)
    throw error
  }
}
