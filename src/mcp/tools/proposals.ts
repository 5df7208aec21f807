import { z } from 'zod'
import { previewDiff } from '../../domain/diff/preview-diff.ts'
import { proposeDiff } from '../../domain/diff/propose-diff.ts'
import { globalId } from '../../domain/shared/global-id.ts'
import { localId } from '../../schema/ids.ts'
import { diffShape, fileShape, safetyShape } from '../diff-shape.ts'
import { showDiff, showFiles, showSafety } from '../show-diff.ts'
import { adds, defineTool, reads } from '../tool.ts'
import { findDiff, loadersOf } from '../visible-rows.ts'

const proposal = {
  projectId: z.string().describe('As list_projects gives it.'),
  patch: z.string().describe('A unified diff as git writes it, of at most 5 MiB, with paths from the root.'),
  commitMessage: z.string().describe('Of the commit that it will be; people approve it with the change.'),
  baseCommit: z
    .string()
    .optional()
    .describe('The full id of the commit of the target branch that the patch is made on; its head when left out.'),
  prompt: z.string().optional().describe('The task in words, for those who review.'),
  allowInvalidSyntax: z
    .boolean()
    .optional()
    .describe('Store it although the result does not parse; it can be read then, and not committed.'),
}

export const proposePatch = defineTool({
  name: 'propose_patch',
  title: 'Propose a patch',
  description:
    "Proposes a change for people to review; no branch moves. It is applied whole or not at all. PATCH_REJECTED and SYNTAX_REJECTED come with git's or the parser's own words: mend the patch and call again. Needs the role AUTHOR.",
  annotations: adds,
  input: z.strictObject({
    ...proposal,
    clientMutationId: z.string().optional().describe('The same one again answers with the diff of the first call.'),
  }),
  output: diffShape,
  async run(context, { projectId, patch, ...given }) {
    const input = { ...given, content: patch, projectId: localId('Project', projectId) }
    const id = await proposeDiff(context.services, context.viewer, input)
    const load = loadersOf(context)
    return { value: await showDiff(load, await findDiff(load, globalId('Diff', id))) }
  },
})

export const previewPatch = defineTool({
  name: 'preview_patch',
  title: 'Preview a patch',
  description:
    'What propose_patch would make of it, with the same refusals, and nothing stored. Needs the role AUTHOR.',
  annotations: reads,
  input: z.strictObject(proposal),
  output: z.object({
    baseCommit: z.string(),
    files: z.array(fileShape),
    filesLeftOut: z.int(),
    additions: z.int(),
    deletions: z.int(),
    safety: safetyShape,
  }),
  async run(context, { projectId, patch, ...given }) {
    const input = { ...given, content: patch, projectId: localId('Project', projectId) }
    const { baseCommit, files, additions, deletions, safety } = await previewDiff(
      context.services,
      context.viewer,
      input,
    )
    return { value: { baseCommit, ...showFiles(files), additions, deletions, safety: showSafety(safety) } }
  },
})
