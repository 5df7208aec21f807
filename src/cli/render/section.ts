import type { Style } from './style.ts'
import { widthOf } from './width.ts'

/** A heading with a rule to the edge. */
export const heading = (title: string, style: Style, columns: number): string =>
  `\n${style.strong(`── ${title} `)}${style.faint('─'.repeat(Math.max(0, columns - widthOf(title) - 4)))}`
