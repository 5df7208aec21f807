import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { digestContents } from '../version/blob-digests.ts'
import { type FaultWords, orFault } from './fault.ts'

const pageSize = 1_000

/** The stored digests of contents that are there, each made again from its content. */
export async function* checkDigests(
  stores: Pick<Services, 'em' | 'git'>,
  projectId: string,
): AsyncGenerator<readonly FaultWords[]> {
  const { em, git } = stores
  let after = ''
  for (;;) {
    const page = await rows(em())
      .selectFrom('BlobDigest')
      .select(['objectId', 'sha256', 'size'])
      .where('projectId', '=', projectId)
      .where('objectId', '>', after)
      .orderBy('objectId')
      .limit(pageSize)
      .execute()
    const last = page.at(-1)
    if (!last) return
    after = last.objectId
    yield await orFault('content', null, async () => {
      // One that is gone is told of by whoever needs it.
      const kinds = await Promise.all(page.map(({ objectId }) => git.objectKind(projectId, objectId)))
      const there = page.filter((_, index) => kinds[index] === 'blob')
      const digests = await digestContents(
        stores,
        projectId,
        there.map(({ objectId }) => objectId),
      )
      return there
        .filter(({ objectId, sha256, size }) => {
          const digest = digests.get(objectId)
          return digest?.sha256 !== sha256 || digest.size !== size
        })
        .map(({ objectId }) => ({
          what: 'content',
          id: objectId,
          problem: 'Its stored SHA-256 or size is not that of the content.',
          remedy: 'Delete its row in blob_digest: it is made again when it is needed.',
        }))
    })
  }
}
