import type { Style } from '../render/style.ts'
import { visibleBlock } from '../render/visible-text.ts'
import { padStart, widthOf, wrap } from '../render/width.ts'
import { type PatchLine, patchLines } from './patch-lines.ts'

/** How rows are made. */
export interface View {
  readonly style: Style
  readonly columns: number
}

const onlyNarrow = /^[ -~]*$/

/** Cuts visible, unstyled text into rows of so many columns: nothing of a change may lie beyond the edge. */
export const cutIntoRows = (text: string, columns: number): readonly string[] => {
  if (onlyNarrow.test(text)) {
    if (text.length <= columns) return [text]
    return Array.from({ length: Math.ceil(text.length / columns) }, (_, at) =>
      text.slice(at * columns, (at + 1) * columns),
    )
  }
  const rows: string[] = []
  let row = ''
  let width = 0
  for (const character of text) {
    const own = widthOf(character)
    if (width + own > columns) {
      rows.push(row)
      row = ''
      width = 0
    }
    row += character
    width += own
  }
  rows.push(row)
  return rows
}

/** Prose from anywhere, made visible and broken between words. */
export const proseRows = (text: string, { columns }: View, indent = '  '): readonly string[] =>
  wrap(visibleBlock(text), columns, indent).split('\n')

const gutterColumns = 6
const colours: Readonly<Record<PatchLine['kind'], keyof Style | null>> = {
  head: 'strong',
  hunk: 'place',
  added: 'good',
  removed: 'bad',
  context: null,
  note: 'faint',
}

/** A file's patch with the place of each line before it. */
export const patchRows = (patch: string, hunks: readonly number[], { style, columns }: View): readonly string[] =>
  patchLines(patch, hunks).flatMap(({ kind, text, place }) => {
    const colour = colours[kind]
    const paint = (row: string) => (colour === null ? row : style[colour](row))
    if (place === '') return cutIntoRows(text, columns).map(paint)
    const gutter = Math.max(gutterColumns, place.length + 1)
    return cutIntoRows(text, Math.max(10, columns - gutter)).map(
      (row, at) => style.faint(padStart(at === 0 ? `${place} ` : '', gutter)) + paint(row),
    )
  })
