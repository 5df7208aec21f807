import type { PatchPart } from '../ports/git-store.ts'
import { fieldFault } from '../shared/validate.ts'
import { type Hunk, parseHunks } from './hunks.ts'

/** A file of a diff as it was shown: its hunks were counted from this text. */
interface ShownFile {
  readonly path: string
  readonly patch: string
}

/** A text patch of one section, taken apart; null for what cannot be cut: binary forms, and a change of kind. */
const takeApart = ({ patch }: PatchPart): { readonly head: string; readonly hunks: readonly Hunk[] } | null => {
  const hunks = parseHunks(patch)
  const head = patch.slice(0, patch.indexOf(hunks[0]?.text ?? ''))
  return head + hunks.map(({ text }) => text).join('') === patch ? { head, hunks } : null
}

/** Some hunks of one file's text patch, with the places that they have once the others are gone. */
const cutPart = (head: string, hunks: readonly Hunk[], chosen: ReadonlySet<number>): string => {
  let shift = 0
  const kept = hunks.flatMap((hunk, index) => {
    if (!chosen.has(index)) return []
    const { oldStart, oldLines, newLines, header, text } = hunk
    // A side without lines names the line before it.
    const firstNew = oldStart + shift + (oldLines === 0 ? 1 : 0) - (newLines === 0 ? 1 : 0)
    shift += newLines - oldLines
    const rest = header.slice(header.indexOf('@@', 2) + 2)
    return [`@@ -${oldStart},${oldLines} +${firstNew},${newLines} @@${rest}\n${text.slice(header.length + 1)}`]
  })
  // The ids of the contents before and after: the one after is another now.
  return head.replace(/^index .*\n/m, '') + kept.join('')
}

/** @throws ValidationError for what is named twice */
const distinct = <Value extends number | string>(field: string, values: readonly Value[]): Set<Value> => {
  const seen = new Set<Value>()
  for (const value of values) {
    if (seen.has(value)) throw fieldFault(field, `${JSON.stringify(value).slice(0, 300)} is named twice`)
    seen.add(value)
  }
  return seen
}

/**
 * The patch of the chosen hunks only; hunks count from 0 over all files. Changes that have no hunks (binary contents,
 * renames, modes, empty files) are chosen by path. A file's rename or new mode comes with any of its hunks.
 * @param files in the order of `parts`
 * @throws ValidationError for what there is none of or is named twice, for a choice of nothing or of everything, and
 *   for single hunks of a file that is no UTF-8 text
 */
export const selectHunks = (
  files: readonly ShownFile[],
  parts: readonly PatchPart[],
  hunks: readonly number[],
  paths: readonly string[],
): string => {
  const wanted = distinct('hunks', hunks)
  const wantedPaths = distinct('files', paths)
  const texts: string[] = []
  let first = 0
  let dropped = 0
  for (const [index, file] of files.entries()) {
    const part = parts[index]
    if (part?.path !== file.path) throw new Error('The files of a diff are not those that its trees differ in.')
    const count = parseHunks(file.patch).length
    const start = first
    const chosen = new Set(Array.from({ length: count }, (_, hunk) => hunk).filter((hunk) => wanted.has(start + hunk)))
    first += count
    const isWhole = count === 0 ? wantedPaths.delete(file.path) : chosen.size === count
    if (!isWhole) dropped += 1
    if (isWhole) texts.push(part.patch)
    else if (chosen.size > 0) {
      const exact = takeApart(part)
      if (exact?.hunks.length !== count) {
        throw fieldFault('hunks', `${file.path} is no UTF-8 text or changes its kind: keep all of its hunks or none`)
      }
      texts.push(cutPart(exact.head, exact.hunks, chosen))
    }
  }
  const unknown = hunks.find((hunk) => hunk < 0 || hunk >= first)
  if (unknown !== undefined) throw fieldFault('hunks', `there is no hunk ${unknown}; the diff has ${first}, from 0`)
  const [stray] = wantedPaths
  if (stray !== undefined) {
    throw fieldFault('files', `${JSON.stringify(stray.slice(0, 300))} is no change without hunks in this diff`)
  }
  if (texts.length === 0) throw fieldFault('hunks', 'choose at least one hunk; to drop all of them reject the diff')
  if (dropped === 0) throw fieldFault('hunks', 'this keeps everything: approve the diff as it is')
  return texts.join('')
}
