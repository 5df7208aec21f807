import { UsageError } from '../exit.ts'
import { visibleLine } from '../render/visible-text.ts'
import type { ShownFile } from './shown-diff.ts'

/** What is kept of a diff: hunks by number, and changes without hunks (binary contents, renames, modes) by path. */
export interface HunkChoice {
  readonly hunks: readonly number[]
  readonly files: readonly string[]
}

const part = /^(?:(\d{1,6})(?:-(\d{1,6}))?|f(\d{1,4}))$/

/** The changes of a diff that have no hunks, which are chosen as f0, f1, ... in this order. */
export const wholeFiles = (files: readonly ShownFile[]): readonly ShownFile[] =>
  files.filter(({ hunks }) => hunks.length === 0)

/**
 * Reads `0,2-4,f0`: hunks by number, ranges of them, and changes without hunks by theirs.
 * @throws UsageError that names the part that makes no sense
 */
export const readHunkChoice = (text: string, files: readonly ShownFile[]): HunkChoice => {
  const known = new Set(files.flatMap(({ hunks }) => hunks.map(({ index }) => index)))
  const whole = wholeFiles(files)
  const hunks = new Set<number>()
  const paths = new Set<string>()
  for (const word of text.split(/[\s,]+/).filter((each) => each !== '')) {
    const [, first, last, file] = part.exec(word) ?? []
    const shown = visibleLine(word)
    if (file !== undefined) {
      const path = whole[Number(file)]?.path
      if (path === undefined) throw new UsageError(`There is no change without hunks with the number ${shown}.`)
      paths.add(path)
      continue
    }
    if (first === undefined) throw new UsageError(`${shown} is no hunk: give numbers and ranges, like 0,2-4.`)
    const to = Number(last ?? first)
    if (to < Number(first)) throw new UsageError(`The range ${shown} ends before it begins.`)
    for (let index = Number(first); index <= to; index += 1) {
      if (!known.has(index)) throw new UsageError(`This diff has no hunk ${index}.`)
      hunks.add(index)
    }
  }
  if (hunks.size + paths.size === 0) throw new UsageError('Nothing was chosen: name a hunk at least.')
  return { hunks: [...hunks].toSorted((a, b) => a - b), files: [...paths] }
}
