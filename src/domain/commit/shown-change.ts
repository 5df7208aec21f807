import { changeHash } from '../diff/change-hash.ts'
import type { DiffFile } from '../diff/diff.entity.ts'
import { parseHunks } from '../diff/hunks.ts'
import { PatchRejectedError } from '../errors.ts'
import type { ChangedFile, GitStore } from '../ports/git-store.ts'
import { canonicalHash } from '../shared/canonical-hash.ts'
import { safeText } from '../shared/safe-text.ts'
import { isTestPath } from '../testing/is-test-path.ts'

/** What a person is shown of a change, and what tells it from others. */
export interface ShownChange {
  readonly changeHash: string
  readonly files: readonly DiffFile[]
  readonly additions: number
  readonly deletions: number
  readonly hunks: number
}

const toDiffFile = (file: ChangedFile): DiffFile => ({
  path: file.path,
  previousPath: file.previousPath,
  kind: file.kind,
  isBinary: file.isBinary,
  additions: file.additions,
  deletions: file.deletions,
  isTest: isTestPath(file.path) || (file.previousPath !== null && isTestPath(file.previousPath)),
  patch: safeText(file.patch),
})

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

/** What is shown of a change, from what differs between its two trees. */
export const showChange = (changed: readonly ChangedFile[]): ShownChange => ({
  changeHash: changeHash(changed),
  files: changed.map(toDiffFile),
  additions: sum(changed.map((file) => file.additions)),
  deletions: sum(changed.map((file) => file.deletions)),
  hunks: sum(changed.map((file) => parseHunks(file.patch).length)),
})

/** SHA-256 of all of it: what is stored and what the trees say are the same only if their hashes are. */
export const shownHash = ({ changeHash: change, files, additions, deletions, hunks }: ShownChange): string =>
  canonicalHash({ change, files, additions, deletions, hunks })

/** What git says of a stored change, whatever else is stored of it. */
export interface Shown {
  /** Of what its trees show. */
  readonly hash: string
  /** The tree that its patch gives; null when it does not apply. */
  readonly patchTree: string | null
}

/** Reads a stored change as a person who trusts nothing but git would. */
export const readShown = async (
  git: GitStore,
  change: {
    readonly projectId: string
    readonly baseTree: string
    readonly resultTree: string
    readonly content: string
  },
): Promise<Shown> => {
  const { projectId, baseTree, resultTree, content } = change
  const [changed, patchTree] = await Promise.all([
    git.changedFiles(projectId, baseTree, resultTree),
    git.applyPatch(projectId, baseTree, content).then(
      ({ tree }) => tree,
      (error: unknown) => {
        if (error instanceof PatchRejectedError) return null
        throw error
      },
    ),
  ])
  return { hash: shownHash(showChange(changed)), patchTree }
}
