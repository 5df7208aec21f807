import type { Output } from '../output.ts'
import { visibleLine } from '../render/visible-text.ts'
import type { Reading } from './load.ts'
import { pagesOf } from './pages.ts'

/** `CONTENT:EVALUATION:MESSAGE`, which a verdict that is given later names. */
export const seenWord = ({ diff }: Reading): string =>
  visibleLine(`${diff.contentHash}:${diff.safety.evaluationHash}:${diff.messageHash}`)

/** Prints a whole diff, page after page. */
export const printReading = (reading: Reading, output: Output): void => {
  const { diff } = reading
  output.json({ type: 'diff', seen: seenWord(reading), ...diff, testOutput: reading.testOutput })
  for (const page of pagesOf(reading)) {
    output.print(output.style.strong(page.title))
    output.print(`${page.rows(output).join('\n')}\n`)
  }
  if (output.quiet) return
  output.print('To approve exactly this:')
  output.print(`countersign review --review ${visibleLine(diff.id)} --approve --seen ${seenWord(reading)}`)
}
