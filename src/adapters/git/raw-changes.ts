/** What `git diff-tree --raw -z` says of two trees: names as bytes, nothing guessed from patch text. */

import { fromByteName } from './git-objects.ts'

export interface RawChange {
  /** A, M, D, R, C or T. */
  readonly status: string
  readonly oldMode: string
  readonly newMode: string
  readonly oldId: string
  readonly newId: string
  readonly path: string
  readonly previousPath: string | null
}

/** The arguments of every diff that we make: no configuration or attribute of a project decides what is shown. */
export const diffArguments = [
  'diff-tree',
  '-r',
  '--no-ext-diff',
  '--no-textconv',
  '--no-color',
  '--full-index',
] as const

export const renameArguments = ['-M', '-C', '-l1000'] as const

/** Reads the fields of `--raw -z` and tells how many belong to it. @throws Error when they are not in git's form */
export function parseRawChanges(fields: readonly string[]): { changes: RawChange[]; used: number } {
  const changes: RawChange[] = []
  let at = 0
  while (fields[at]?.startsWith(':')) {
    const [, oldMode, newMode, oldId, newId, status] =
      fields[at]?.match(/^:(\d{6}) (\d{6}) ([0-9a-f]+) ([0-9a-f]+) ([A-Z])\d*$/) ?? []
    const isMoved = status === 'R' || status === 'C'
    const first = fields[at + 1]
    const second = isMoved ? fields[at + 2] : first
    if (!oldMode || !newMode || !oldId || !newId || !status || first === undefined || second === undefined) {
      throw new Error('git diff-tree gave a raw line that is none')
    }
    const path = fromByteName(second)
    changes.push({ status, oldMode, newMode, oldId, newId, path, previousPath: isMoved ? fromByteName(first) : null })
    at += isMoved ? 3 : 2
  }
  return { changes, used: at }
}
