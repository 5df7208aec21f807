import { changeFacts } from '../approval/change-facts.ts'
import type { DiffFile } from '../diff/diff.entity.ts'
import type { Capability } from '../ports/code-analyzer.ts'
import type { SafetyReport } from '../safety/evaluate-change.ts'

/**
 * What decides a diff's risk and follows from its content alone, in short. Kept beside the diff, so that a thousand of
 * them are ranked without reading their patches and reports; what can change, the policy and the tests, is not in it.
 */
export interface RiskFacts {
  /** Every path that is not as it was: both sides of a rename, and what is deleted. */
  readonly paths: readonly string[]
  /** Files that may run and come from another path: they bring along what they can do. */
  readonly moved: readonly { readonly from: string; readonly to: string }[]
  /** The first added use of each capability in each file, and how many there are in that file. */
  readonly uses: readonly {
    readonly capability: Capability
    readonly path: string
    readonly line: number
    readonly symbol: string
    readonly count: number
  }[]
  /** The first finding of each code in each file, and how many there are in that file. */
  readonly findings: readonly {
    readonly code: string
    readonly path: string | null
    readonly line: number | null
    readonly count: number
  }[]
  /** The files that are tests, or decide how tests run, and were there before. */
  readonly tests: readonly { readonly path: string; readonly deleted: boolean }[]
  readonly binaries: readonly string[]
  readonly changedLines: number
  readonly changedFiles: number
}

/** The first of each group, in the order given, with the group's size. */
const firsts = <Item, Short>(
  items: readonly Item[],
  groupOf: (item: Item) => string,
  shorten: (item: Item) => Short,
): (Short & { readonly count: number })[] =>
  [...Map.groupBy(items, groupOf).values()].flatMap((group) =>
    group.slice(0, 1).map((first) => ({ ...shorten(first), count: group.length })),
  )

/** Pure: of the files as the two trees show them, and the report on the result. */
export const riskFacts = (
  files: readonly DiffFile[],
  report: Pick<SafetyReport, 'added' | 'issues' | 'warnings'>,
): RiskFacts => {
  const { paths, moved, editedTests } = changeFacts(files, report)
  const deleted = new Set(files.filter(({ kind }) => kind === 'DELETED').map(({ path }) => path))
  return {
    paths,
    moved,
    uses: firsts(
      report.added,
      ({ capability, path }) => `${capability} ${path}`,
      ({ capability, path, line, symbol }) => ({ capability, path, line, symbol }),
    ),
    findings: firsts(
      [...report.issues, ...report.warnings],
      ({ code, path }) => `${code} ${path}`,
      ({ code, path, line }) => ({ code, path, line }),
    ),
    tests: editedTests.map((path) => ({ path, deleted: deleted.has(path) })),
    binaries: files.filter(({ isBinary }) => isBinary).map(({ path }) => path),
    changedLines: files.reduce((total, { additions, deletions }) => total + additions + deletions, 0),
    changedFiles: files.length,
  }
}
