import type { z } from 'zod'
import type { ApprovalState } from '../domain/approval/approval.ts'
import type { DiffRow } from '../domain/diff/diff.entity.ts'
import { pendingDiffStatuses } from '../domain/diff/diff.status.ts'
import type { ProjectRow } from '../domain/project/project.entity.ts'
import type { SafetyReport } from '../domain/safety/evaluate-change.ts'
import { globalId } from '../domain/shared/global-id.ts'
import { cut } from '../domain/shared/safe-text.ts'
import { found } from '../schema/found.ts'
import type { Loaders } from '../schema/loaders.ts'
import { maxFailedTests, maxFiles, maxFindings, type ShownDiff, type safetyShape } from './diff-shape.ts'
import { showReviews } from './show-reviews.ts'

/** Of one test's output, in characters. */
const maxOutput = 4_000

/** A safety report, as much of it as fits into an answer. */
export const showSafety = (report: SafetyReport): z.output<typeof safetyShape> => {
  const { safe, syntaxValid, issues, warnings, added, addedCapabilities } = report
  const tooMany = (list: readonly unknown[]) => Math.max(0, list.length - maxFindings)
  return {
    safe,
    syntaxValid,
    issues: issues.slice(0, maxFindings),
    warnings: warnings.slice(0, maxFindings),
    addedCapabilities: [...addedCapabilities],
    added: added
      .slice(0, maxFindings)
      .map(({ capability, path, line, symbol, snippet }) => ({ capability, path, line, symbol, snippet })),
    leftOut: tooMany(issues) + tooMany(warnings) + tooMany(added),
  }
}

/** What a change does to each file, without the text. */
export const showFiles = (files: DiffRow['files']) => ({
  files: files.slice(0, maxFiles).map(({ path, previousPath, kind, additions, deletions, isTest }) => {
    return { path, previousPath, kind, additions, deletions, isTest }
  }),
  filesLeftOut: Math.max(0, files.length - maxFiles),
})

const tail = (text: string): string => (text.length <= maxOutput ? text : `[...]\n${text.slice(-maxOutput)}`)

const showTests = async (load: Loaders, diffId: string): Promise<ShownDiff['tests']> => {
  const [run] = await load.testRunsOfDiff.load(diffId)
  if (!run) return null
  const { status, total, passed, failed } = run
  const results = await load.resultsOf.load(run.id)
  const notPassed = results.filter((result) => result.status !== null && result.status !== 'PASSED')
  return {
    status,
    total,
    passed,
    failed,
    notPassed: await Promise.all(
      notPassed.slice(0, maxFailedTests).map(async (result) => {
        const { stdout, stderr } = await load.testOutput.load(result.id)
        const output = [stdout, stderr].filter((text) => text !== '').join('\n')
        return {
          name: result.name,
          status: result.status ?? 'SKIPPED',
          error: result.error && cut(result.error, maxOutput),
          output: tail(output),
        }
      }),
    ),
  }
}

/** Whether a diff waits for a commit that cannot come any more. */
export const isGivenUp = ({ status }: DiffRow, { archivedAt }: ProjectRow): boolean =>
  archivedAt !== null && pendingDiffStatuses.includes(status)

const showApproval = (state: ApprovalState, diff: DiffRow, project: ProjectRow): ShownDiff['approval'] =>
  isGivenUp(diff, project)
    ? { ...state, satisfied: false, missing: ['the project is archived: nothing is committed in it any more'] }
    : { ...state, missing: [...state.missing] }

/** Where a diff stands: everything but its text. */
export const showDiff = async (load: Loaders, diff: DiffRow): Promise<ShownDiff> => {
  const [owner, author, { state }, safety, superseders, tests, reviews] = await Promise.all([
    load.project.load(diff.projectId),
    load.actor.load(diff.authorId),
    load.approval.load(diff),
    load.safety.load(diff.safetyId),
    load.supersedersOf.load(diff.id),
    showTests(load, diff.id),
    showReviews(load, diff),
  ])
  const project = found(owner)
  const superseder = superseders.at(-1)
  return {
    id: globalId('Diff', diff.id),
    projectId: globalId('Project', diff.projectId),
    status: diff.status,
    origin: diff.origin,
    author: found(author).name,
    createdAt: diff.createdAt.toISOString(),
    baseCommit: diff.baseCommit,
    targetBranch: diff.targetBranch,
    drifted: diff.status !== 'COMMITTED' && project.headCommit !== diff.baseCommit,
    contentHash: diff.contentHash,
    commitMessage: diff.commitMessage,
    ...showFiles(diff.files),
    additions: diff.additions,
    deletions: diff.deletions,
    projectArchived: project.archivedAt !== null,
    approval: showApproval(state, diff, project),
    safety: showSafety(found(safety).report),
    tests,
    feedback: diff.humanFeedback,
    ...reviews,
    commit: diff.commitOid,
    supersededById: superseder ? globalId('Diff', superseder.id) : null,
  }
}
