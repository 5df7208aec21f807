import type { SafetyEvaluationRow } from '../safety/safety-evaluation.entity.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'

const place = (projectId: string, baseTree: string, resultTree: string) => `${projectId} ${baseTree} ${resultTree}`

/**
 * The newest evaluation of each coder's result on its run's base, in the order of the candidates' ids; null for one
 * that was not evaluated, and for candidates that do not code.
 */
export const readSafety = async (
  { em, git }: Pick<Services, 'em' | 'git'>,
  candidateIds: readonly string[],
): Promise<readonly (SafetyEvaluationRow | null)[]> => {
  const results = await rows(em())
    .selectFrom('Candidate')
    .innerJoin('AgentRun', 'AgentRun.id', 'Candidate.runId')
    .select(['Candidate.id as candidateId', 'Candidate.tree', 'AgentRun.projectId as projectId', 'AgentRun.baseCommit'])
    .where('Candidate.id', 'in', [...candidateIds])
    .where('AgentRun.role', '=', 'coder')
    .execute()
  const bases = new Map<string, Promise<string>>()
  const subjects = new Map<string, { projectId: string; baseTree: string; resultTree: string }>()
  for (const { candidateId, projectId, baseCommit, tree } of results) {
    if (baseCommit === null || tree === null) continue
    const base = bases.get(baseCommit) ?? git.treeOf(projectId, baseCommit)
    bases.set(baseCommit, base)
    subjects.set(candidateId, { projectId, baseTree: await base, resultTree: tree })
  }
  if (subjects.size === 0) return candidateIds.map(() => null)
  const wanted = [...subjects.values()]
  const evaluations = await rows(em())
    .selectFrom('SafetyEvaluation')
    .distinctOn(['projectId', 'baseTree', 'resultTree'])
    .selectAll()
    .where('projectId', 'in', [...new Set(wanted.map(({ projectId }) => projectId))])
    .where('baseTree', 'in', [...new Set(wanted.map(({ baseTree }) => baseTree))])
    .where('resultTree', 'in', [...new Set(wanted.map(({ resultTree }) => resultTree))])
    .orderBy('projectId')
    .orderBy('baseTree')
    .orderBy('resultTree')
    .orderBy('createdAt', 'desc')
    .execute()
  const newest = new Map(evaluations.map((found) => [place(found.projectId, found.baseTree, found.resultTree), found]))
  return candidateIds.map((id) => {
    const subject = subjects.get(id)
    return (subject && newest.get(place(subject.projectId, subject.baseTree, subject.resultTree))) ?? null
  })
}
