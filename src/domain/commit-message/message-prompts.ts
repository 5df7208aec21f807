import type { DiffRow } from '../diff/diff.entity.ts'
import type { FileAnalysis } from '../ports/code-analyzer.ts'
import { fitChange, fitText } from '../run/fit-change.ts'
import { sizeOfText } from '../run/fit-context.ts'
import { blobAnalyzer } from '../safety/analyze-blobs.ts'
import { dataRule, fenceData } from '../shared/fence-data.ts'
import type { Services } from '../shared/services.ts'

/** What the evaluator is told that words a commit message. */
export const messageSystem = `You are the evaluator of commit messages.
Word the message under which a change is committed, from the change alone: a subject of at most 72 characters in the imperative, and, where it helps, an empty line and a body that says what changes and why as far as the change shows it. Claim nothing that the change does not show, and write no trailers.
The change is in <files>, which lists all of its files, and in <change>; the message that it has now is in <message>. How a person wants it worded, if they say so, is in <instructions>. ${dataRule}`

const maxPatchBytes = 200_000

/** Of the room, for the list of files; and in bytes, for the tags around all texts. */
const listShare = 0.1
const roomForTags = 500

const submoduleMode = '160000'

/** Findings that say that nobody has looked for credentials in the content. */
const unread: ReadonlySet<string> = new Set(['ANALYSIS_FAILED', 'TOO_LARGE'])

/** The paths of files that have, or may have, what looks like a credential, before or after the change: they are for no provider. */
const filesWithCredentials = async (
  services: Services,
  { projectId, baseTree, resultTree }: DiffRow,
): Promise<ReadonlySet<string>> => {
  const files = await services.git.changedFiles(projectId, baseTree, resultTree)
  const contents = files
    .flatMap(({ path, previousPath, oldObjectId, oldMode, newObjectId, newMode }) => [
      { path, name: previousPath ?? path, objectId: oldObjectId, mode: oldMode },
      { path, name: path, objectId: newObjectId, mode: newMode },
    ])
    .flatMap(({ objectId, mode, ...side }) =>
      objectId === null || mode === submoduleMode ? [] : { ...side, objectId },
    )
  const analyses = await blobAnalyzer(services, projectId, []).analyze(
    contents.map(({ name, objectId }) => ({ path: name, objectId })),
  )
  const isWithheld = (analysis: FileAnalysis | undefined): boolean =>
    !analysis || analysis.credentials.length > 0 || analysis.findings.some(({ code }) => unread.has(code))
  return new Set(contents.filter((_, index) => isWithheld(analyses[index])).map(({ path }) => path))
}

/** One line a file, in the order of the paths: all that is there, whatever of it can be shown. */
const listFiles = (diff: DiffRow, withheld: ReadonlySet<string>): string =>
  diff.files
    .map(({ path, previousPath, kind, additions, deletions }) => {
      const from = previousPath === null || previousPath === path ? '' : ` (was ${JSON.stringify(previousPath)})`
      const note = withheld.has(path) ? ' (not shown: it has, or may have, what looks like a credential)' : ''
      return `${kind} ${JSON.stringify(path)}${from} +${additions} -${deletions}${note}`
    })
    .join('\n')

/**
 * What the evaluator is asked: the diff as much as there is room for it, its message, and how it is to be worded.
 * @param room in bytes of JSON
 */
export const messageQuestion = async (
  services: Services,
  diff: DiffRow,
  instructions: string | null,
  room: number,
): Promise<string> => {
  const withheld = await filesWithCredentials(services, diff)
  const patch = diff.files.flatMap((file) => (withheld.has(file.path) ? [] : file.patch)).join('')
  const files = fitText(listFiles(diff, withheld), room * listShare).text
  const others = sizeOfText(files) + sizeOfText(diff.commitMessage) + sizeOfText(instructions ?? '') + roomForTags
  return [
    fenceData('files', files),
    fenceData('change', fitChange(patch, Math.min(maxPatchBytes, Math.max(0, room - others))).text),
    fenceData('message', diff.commitMessage),
    ...(instructions === null ? [] : [fenceData('instructions', instructions)]),
  ].join('\n\n')
}
