import { z } from 'zod'
import { prepareDiff } from '../diff/prepare-diff.ts'
import { PatchRejectedError, SyntaxRejectedError } from '../errors.ts'
import { defineTool, type Tool } from '../run/tool.ts'
import { refuse, succeed } from '../run/workspace.ts'

export const submitPatchName = 'submit_patch'

const argumentsSchema = z.strictObject({ patch: z.string().nullable(), summary: z.string().max(5_000) })

/** What a coder said of a change that it submitted, from the stored arguments; empty where it said nothing. */
export const submittedSummary = (given: unknown): string => argumentsSchema.safeParse(given).data?.summary.trim() ?? ''

/**
 * Lets a coder hand in its change: always the whole of it, from the base commit. What does not apply or parse goes back
 * to it in git's or the parser's own words, and nothing is submitted.
 */
export const submitPatchTool = (baseCommit: string): Tool => ({
  ...defineTool(
    submitPatchName,
    `Submits your change and ends your turn. patch: null to submit the workspace as it is now; or the whole change as one unified diff in git's format (diff --git a/path b/path, ---, +++, @@) against the commit ${baseCommit}, where the workspace began: the workspace then becomes that commit with the patch. summary: one or two sentences on what the change does.`,
    argumentsSchema,
    async (services, workspace, { patch }) => {
      const { projectId } = workspace
      try {
        const baseTree = await services.git.treeOf(projectId, baseCommit)
        if (patch === null && workspace.tree === baseTree) {
          return refuse(workspace, 'The workspace is as it was at the beginning: there is no change to submit.')
        }
        const content = patch ?? (await services.git.patchBetween(projectId, baseTree, workspace.tree))
        const prepared = await prepareDiff(services, projectId, baseCommit, content, { allowInvalidSyntax: false })
        return succeed(workspace, 'Submitted.', prepared.resultTree)
      } catch (error) {
        if (!(error instanceof PatchRejectedError || error instanceof SyntaxRejectedError)) throw error
        const details = error.message.includes(error.details) ? '' : `\n${error.details}`
        return refuse(workspace, `${error.message}${details}`)
      }
    },
  ),
  basis: baseCommit,
})
