import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'

const pageSize = 1_000

/** For each kind of reference, those of the ids that are rows of the project. */
const lookUps: Readonly<
  Record<string, (em: Services['em'], projectId: string, ids: string[]) => Promise<{ readonly id: string }[]>>
> = {
  diffs: (em, projectId, ids) =>
    rows(em()).selectFrom('Diff').select('id').where('projectId', '=', projectId).where('id', 'in', ids).execute(),
  versions: (em, projectId, ids) =>
    rows(em()).selectFrom('Version').select('id').where('projectId', '=', projectId).where('id', 'in', ids).execute(),
  candidates: (em, projectId, ids) =>
    rows(em())
      .selectFrom('Candidate')
      .innerJoin('AgentRun', 'AgentRun.id', 'Candidate.runId')
      .select('Candidate.id as id')
      .where('AgentRun.projectId', '=', projectId)
      .where('Candidate.id', 'in', ids)
      .execute(),
  checkpoints: (em, projectId, ids) =>
    rows(em())
      .selectFrom('Checkpoint')
      .innerJoin('AgentRun', 'AgentRun.id', 'Checkpoint.runId')
      .select('Checkpoint.id as id')
      .where('AgentRun.projectId', '=', projectId)
      .where('Checkpoint.id', 'in', ids)
      .execute(),
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Kept for as long as a fetch takes; no row needs it. */
const passing = 'fetch'

/** Whether a reference is of a kind that is made here. */
export const isOurs = (ref: { readonly kind: string; readonly id: string }): boolean =>
  ref.kind === passing || isRowRef(ref)

const isRowRef = ({ kind, id }: { readonly kind: string; readonly id: string }): boolean =>
  Object.hasOwn(lookUps, kind) && uuid.test(id)

/** Of references that were listed before this was asked: those that no row of the project needs. */
export const withoutRow = async <Ref extends { readonly kind: string; readonly id: string }>(
  em: Services['em'],
  projectId: string,
  refs: readonly Ref[],
): Promise<readonly Ref[]> => {
  const orphans: Ref[] = refs.filter(({ kind }) => kind === passing)
  for (const [kind, lookUp] of Object.entries(lookUps)) {
    const ofKind = refs.filter((ref) => ref.kind === kind && isRowRef(ref))
    for (let at = 0; at < ofKind.length; at += pageSize) {
      const page = ofKind.slice(at, at + pageSize)
      const found = await lookUp(
        em,
        projectId,
        page.map(({ id }) => id),
      )
      const known = new Set(found.map(({ id }) => id))
      orphans.push(...page.filter(({ id }) => !known.has(id)))
    }
  }
  return orphans
}
