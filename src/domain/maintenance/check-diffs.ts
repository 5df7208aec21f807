import { sql } from 'kysely'
import type { KeptRef } from '../ports/repository-care.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { checkEvidence } from './check-evidence.ts'
import { checkKept } from './check-kept.ts'
import { missingObjects, type SpokenObject } from './check-objects.ts'
import { type FaultWords, orFault, rowRemedy } from './fault.ts'
import { rowPages } from './row-pages.ts'

const pageSize = 500

const movedBack =
  'Somebody moved the branch back: move it to a commit that has both histories, or restore it from a backup.'

const readPage = (em: Services['em'], projectId: string, after: string) =>
  rows(em())
    .selectFrom('Diff')
    .select([
      'id',
      'status',
      'targetBranch',
      'baseCommit',
      'baseTree',
      'resultTree',
      'commitOid',
      'commitIntent',
      // Contents stay where they are: they may be megabytes each.
      sql<boolean>`encode(sha256(convert_to(content, 'UTF8')), 'hex') = content_hash`.as('isIntact'),
    ])
    .where('projectId', '=', projectId)
    .where('id', '>', after)
    .orderBy('id')
    .limit(pageSize)
    .execute()
type DiffFacts = Awaited<ReturnType<typeof readPage>>[number]

const objectsOf = ({ id, baseCommit, baseTree, resultTree, commitOid }: DiffFacts): readonly SpokenObject[] => {
  const object = (role: string, kind: 'tree' | 'commit', oid: string) => ({ what: 'diff', id, role, kind, oid })
  return [
    object('base commit', 'commit', baseCommit),
    object('base tree', 'tree', baseTree),
    object('result tree', 'tree', resultTree),
    ...(commitOid === null ? [] : [object('commit', 'commit', commitOid)]),
  ]
}

/** What of a diff's row does not agree with the rest of it. */
const checkRow = (diff: DiffFacts): readonly string[] => {
  const { commitIntent: intent } = diff
  const isOfDiff = !intent || (intent.request.tree === diff.resultTree && intent.from === diff.baseCommit)
  return [
    ...(diff.isIntact ? [] : ['Its content does not have the stored hash.']),
    ...(isOfDiff ? [] : ['Its commit intent is of another tree or base.']),
    ...((diff.status === 'COMMITTING') === (intent !== null)
      ? []
      : [`It is ${diff.status} and has ${intent ? 'a' : 'no'} commit intent.`]),
    ...((diff.status === 'COMMITTED') === (diff.commitOid !== null)
      ? []
      : [`It is ${diff.status} and has ${diff.commitOid === null ? 'no' : 'a'} commit.`]),
  ]
}

/** The commits of COMMITTED diffs that are there and that their branch does not reach. */
const checkCommitted = async (
  { git }: Pick<Services, 'git'>,
  projectId: string,
  diffs: readonly DiffFacts[],
): Promise<readonly FaultWords[]> => {
  const faults: FaultWords[] = []
  const committed = diffs.filter(({ status, commitOid }) => status === 'COMMITTED' && commitOid !== null)
  for (const [branch, ofBranch] of Map.groupBy(committed, ({ targetBranch }) => targetBranch)) {
    // A branch that is gone is told of by itself.
    const head = await git.branchHead(projectId, branch)
    if (head === null || (await git.objectKind(projectId, head)) !== 'commit') continue
    const kinds = await Promise.all(ofBranch.map(({ commitOid }) => git.objectKind(projectId, commitOid ?? '')))
    const there = ofBranch.filter((_, index) => kinds[index] === 'commit')
    const commits = there.map(({ commitOid }) => commitOid ?? '')
    const reached = new Set(await git.containedCommits(projectId, head, commits))
    for (const { id, commitOid } of there) {
      if (reached.has(commitOid ?? '')) continue
      const problem = `It is COMMITTED and the branch ${branch} does not reach its commit ${commitOid}.`
      faults.push({ what: 'diff', id, problem, remedy: movedBack })
    }
  }
  return faults
}

/** What is beside the commits that are there. */
const checkNotes = async (
  stores: Pick<Services, 'git'>,
  projectId: string,
  diffs: readonly DiffFacts[],
): Promise<readonly FaultWords[]> => {
  const committed = diffs.flatMap(({ id, status, commitOid }) =>
    status === 'COMMITTED' && commitOid !== null ? [{ id, commitOid }] : [],
  )
  const kinds = await Promise.all(committed.map(({ commitOid }) => stores.git.objectKind(projectId, commitOid)))
  const there = committed.filter((_, index) => kinds[index] === 'commit')
  return there.length === 0 ? [] : await checkEvidence(stores, projectId, there)
}

/** Every diff of a project: its objects, its reference, its hash, where its commit is and what is beside it. */
export async function* checkDiffs(
  stores: Pick<Services, 'em' | 'git'>,
  projectId: string,
  refs: ReadonlyMap<string, KeptRef>,
): AsyncGenerator<readonly FaultWords[]> {
  for await (const page of rowPages((after) => readPage(stores.em, projectId, after))) {
    yield await missingObjects(stores, projectId, page.flatMap(objectsOf))
    yield page.flatMap((diff) =>
      checkRow(diff).map((problem) => ({ what: 'diff', id: diff.id, problem, remedy: rowRemedy })),
    )
    yield await orFault('branch', null, () => checkCommitted(stores, projectId, page))
    yield await orFault('evidence', null, () => checkNotes(stores, projectId, page))
    for (const { id, baseCommit, resultTree } of page) {
      const needs = { ref: `refs/countersign/diffs/${id}`, tree: resultTree, parent: baseCommit }
      yield await orFault('diff', id, () => checkKept(stores, projectId, refs, { what: 'diff', id, ...needs }))
    }
  }
}
