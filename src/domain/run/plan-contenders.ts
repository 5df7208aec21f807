import { cut, safeText } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import type { CandidateRow } from './candidate.entity.ts'
import type { Contender, Contenders } from './contender.ts'
import { planPath } from './run-candidate.ts'

const maxPlanCharacters = 200_000

/** Planners with their plans, of which nothing can be measured. */
export const planContenders = async (
  services: Services,
  projectId: string,
  completed: readonly [CandidateRow, ...CandidateRow[]],
): Promise<Contenders> => {
  const toContender = async (candidate: CandidateRow): Promise<Contender> => {
    const file = candidate.tree ? await services.git.readFile(projectId, candidate.tree, planPath) : null
    const text = cut(safeText(file?.content.toString('utf8') ?? ''), maxPlanCharacters)
    return { candidate, evidence: null, text }
  }
  const [first, ...others] = completed
  return [await toContender(first), ...(await Promise.all(others.map(toContender)))]
}
