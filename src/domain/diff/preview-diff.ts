import type { Viewer } from '../actor/viewer.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { checkProposal, type ProposeDiffInput } from './check-proposal.ts'
import { type PreparedDiff, prepareDiff } from './prepare-diff.ts'

/** What proposeDiff would store. */
export interface DiffPreview extends PreparedDiff {
  readonly projectId: string
  /** Of the stored evaluation of the same trees; null when nobody has proposed this change yet. */
  readonly safetyId: string | null
  readonly at: Date
}

/**
 * Everything that proposeDiff does, up to storing it.
 * @throws NotFoundError, ForbiddenError, ValidationError, PatchRejectedError, SyntaxRejectedError
 */
export const previewDiff = async (
  services: Services,
  viewer: Viewer,
  given: ProposeDiffInput,
): Promise<DiffPreview> => {
  const { projectId, base, content, allowInvalidSyntax } = await checkProposal(services, viewer, given)
  const prepared = await prepareDiff(services, projectId, base, content, {
    allowInvalidSyntax: allowInvalidSyntax ?? false,
  })
  const stored = await rows(services.em())
    .selectFrom('SafetyEvaluation')
    .select('id')
    .where('projectId', '=', projectId)
    .where('baseTree', '=', prepared.baseTree)
    .where('resultTree', '=', prepared.resultTree)
    .where('analyzerVersion', '=', prepared.safety.analyzerVersion)
    .executeTakeFirst()
  return { ...prepared, projectId, safetyId: stored?.id ?? null, at: services.clock() }
}
