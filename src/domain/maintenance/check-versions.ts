import type { KeptRef } from '../ports/repository-care.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { type Manifest, manifestOf } from '../version/manifest.ts'
import type { VersionRow } from '../version/version.entity.ts'
import { checkKept } from './check-kept.ts'
import { missingObjects } from './check-objects.ts'
import { type FaultWords, orFault, rowRemedy } from './fault.ts'
import { rowPages } from './row-pages.ts'

const pageSize = 500

const checkManifest = (
  { id, manifestHash, fileCount, totalBytes }: Pick<VersionRow, 'id' | 'manifestHash' | 'fileCount' | 'totalBytes'>,
  manifest: Manifest,
): readonly FaultWords[] => {
  if (manifest.hash === manifestHash && manifest.fileCount === fileCount && manifest.totalBytes === totalBytes)
    return []
  const problem = `Its manifest, made again from the contents, is ${manifest.hash} and the row says ${manifestHash}.`
  return [{ what: 'version', id, problem, remedy: rowRemedy }]
}

/** Every version of a project: its objects, its reference and its manifest. */
export async function* checkVersions(
  stores: Pick<Services, 'em' | 'git'>,
  projectId: string,
  refs: ReadonlyMap<string, KeptRef>,
): AsyncGenerator<readonly FaultWords[]> {
  // Many versions have the same tree.
  const manifests = new Map<string, Manifest>()
  for await (const page of rowPages((after) =>
    rows(stores.em())
      .selectFrom('Version')
      .select(['id', 'commitOid', 'tree', 'manifestHash', 'fileCount', 'totalBytes'])
      .where('projectId', '=', projectId)
      .where('id', '>', after)
      .orderBy('id')
      .limit(pageSize)
      .execute(),
  )) {
    const objects = page.flatMap(({ id, commitOid, tree }) => [
      { what: 'version', id, role: 'commit', kind: 'commit' as const, oid: commitOid },
      { what: 'version', id, role: 'tree', kind: 'tree' as const, oid: tree },
    ])
    yield await missingObjects(stores, projectId, objects)
    for (const version of page) {
      const { id, commitOid, tree } = version
      const needs = { ref: `refs/countersign/versions/${id}`, tree, commit: commitOid }
      yield await orFault('version', id, () => checkKept(stores, projectId, refs, { what: 'version', id, ...needs }))
      yield await orFault('version', id, async () => {
        if ((await stores.git.objectKind(projectId, tree)) !== 'tree') return []
        let manifest = manifests.get(tree)
        if (!manifest) {
          manifest = await manifestOf(stores, projectId, tree, { fromContents: true })
          manifests.set(tree, manifest)
        }
        return checkManifest(version, manifest)
      })
    }
  }
}
