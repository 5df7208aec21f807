import type { DiffFile } from '../diff/diff.entity.ts'
import type { Capability } from '../ports/code-analyzer.ts'
import type { SafetyReport } from '../safety/evaluate-change.ts'
import { fileKind, isMedium } from '../safety/language.ts'
import { isTestPath } from '../testing/is-test-path.ts'

/** What a policy's rules look at in a change. */
export interface ChangeFacts {
  /** Every path that is not as it was: both sides of a rename, what is deleted, and what has another mode. */
  readonly paths: readonly string[]
  /** Of them the tests, and what decides how tests run, that were there before. */
  readonly editedTests: readonly string[]
  /** Capabilities that it adds, each with the paths where it does. */
  readonly addedUses: readonly { readonly capability: Capability; readonly path: string }[]
  /** Files that may run and come from another path: they bring along what they can do. */
  readonly moved: readonly { readonly from: string; readonly to: string }[]
  /** Added and removed. */
  readonly lines: number
  /** Issues and warnings of its report. */
  readonly findings: number
  /** Paths of files that were neither analysed nor are inert. */
  readonly unread: readonly string[]
}

type Touched = Pick<DiffFile, 'path' | 'previousPath' | 'kind' | 'isBinary' | 'additions' | 'deletions' | 'patch'>

const noContent = Buffer.alloc(0)

/** The source of a copy stays as it is. */
const pathsOf = ({ path, previousPath, kind }: Touched): readonly string[] =>
  previousPath === null || kind === 'COPIED' ? [path] : [previousPath, path]

const testsBefore = (file: Touched): readonly string[] => {
  if (file.kind === 'ADDED' || file.kind === 'COPIED') return []
  return [file.previousPath ?? file.path].filter(isTestPath)
}

/** The mode of the result that git's header of a file's patch tells; null when it tells none. */
const modeAfter = (patch: string): string | null => {
  for (const line of patch.split('\n')) {
    if (/^(?:@@ |--- |GIT binary patch|Binary files )/.test(line)) return null
    const [, mode = null] = /^(?:new file mode|new mode|index [0-9a-f]+\.\.[0-9a-f]+) (\d{6})$/.exec(line) ?? []
    if (mode !== null) return mode
  }
  return null
}

/** Whether a name is that of a file in a language with rules, or of an inert one. */
const isReadable = (path: string): boolean => {
  const { language, inert } = fileKind(path, noContent)
  return language !== null || inert
}

/** Whether the whole of what happens to a file was analysed, or is to one that cannot run. */
const isRead = (file: Touched): boolean => {
  const { path, kind, isBinary, additions, deletions, patch } = file
  if (!pathsOf(file).every(isReadable)) return false
  if (kind === 'DELETED') return true
  const mode = modeAfter(patch)
  // An inert file that may be executed is a program, and a link leads where its content says.
  if (fileKind(path, noContent).inert) return mode === '100644' && (!isBinary || isMedium(path))
  // A program that moves brings along, unreported, what it can do; one with only another mode is not looked at again.
  return kind !== 'RENAMED' && (mode === '100644' || mode === '100755') && additions + deletions > 0
}

/** Pure: of the files as the two trees show them, and the report on the result. */
export const changeFacts = (
  files: readonly Touched[],
  { added, issues, warnings }: Pick<SafetyReport, 'added' | 'issues' | 'warnings'>,
): ChangeFacts => ({
  paths: [...new Set(files.flatMap(pathsOf))],
  editedTests: [...new Set(files.flatMap(testsBefore))],
  addedUses: [...Map.groupBy(added, ({ capability, path }) => `${capability} ${path}`).values()].flatMap((uses) =>
    uses.slice(0, 1).map(({ capability, path }) => ({ capability, path })),
  ),
  moved: files.flatMap(({ path, previousPath, kind }) =>
    kind === 'RENAMED' && previousPath !== null && !fileKind(path, noContent).inert
      ? [{ from: previousPath, to: path }]
      : [],
  ),
  lines: files.reduce((sum, { additions, deletions }) => sum + additions + deletions, 0),
  findings: issues.length + warnings.length,
  unread: files.filter((file) => !isRead(file)).map(({ path }) => path),
})
