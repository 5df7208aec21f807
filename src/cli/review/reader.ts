import type { ReadCommand } from './keys.ts'
import type { Reading } from './load.ts'
import { type Page, pagesOf } from './pages.ts'
import type { View } from './rows.ts'

/** Where in a diff somebody reads. */
export interface Reader {
  readonly page: Page
  /** `2/7 MODIFIED a.py +1 -1 (1-20 of 80)`. */
  title(height: number): string
  /** The rows that are to be seen; a page's rows are made when it is opened. */
  rows(height: number): readonly string[]
  /** Goes where the command says. @returns false for a command that goes nowhere */
  move(command: ReadCommand, height: number): boolean
  /** Goes on with another state of the same diff, at the same place, or with another diff from its start. */
  show(reading: Reading, isAnother: boolean): void
}

/** @param view asked anew each time, since a terminal changes its size */
export const createReader = (first: Reading, view: () => View): Reader => {
  let pages = pagesOf(first)
  let at = 0
  let top = 0
  let made: { readonly page: Page; readonly columns: number; readonly rows: readonly string[] } | null = null

  const current = (): Page => {
    const page = pages[at]
    if (!page) throw new Error(`There is no page ${at} of ${pages.length}.`)
    return page
  }
  const allRows = (): readonly string[] => {
    const page = current()
    const { columns } = view()
    if (made?.page !== page || made.columns !== columns) made = { page, columns, rows: page.rows(view()) }
    return made.rows
  }
  const lastTop = (height: number) => Math.max(0, allRows().length - height)
  const turnTo = (page: number) => {
    at = Math.max(0, Math.min(page, pages.length - 1))
    top = 0
  }
  const moves: Partial<Record<ReadCommand, (height: number) => void>> = {
    lineDown: (height) => {
      top = Math.min(top + 1, lastTop(height))
    },
    lineUp: () => {
      top = Math.max(0, top - 1)
    },
    pageDown: (height) => {
      if (top < lastTop(height)) top = Math.min(top + height, lastTop(height))
      else if (at < pages.length - 1) turnTo(at + 1)
    },
    pageUp: (height) => {
      if (top > 0) top = Math.max(0, top - height)
      else if (at > 0) {
        turnTo(at - 1)
        top = lastTop(height)
      }
    },
    next: () => turnTo(at + 1),
    previous: () => turnTo(at - 1),
    first: () => turnTo(0),
  }
  return {
    get page() {
      return current()
    },
    title(height) {
      const count = allRows().length
      const from = Math.min(top, lastTop(height))
      return `${at + 1}/${pages.length} (${Math.min(from + 1, count)}-${Math.min(from + height, count)} of ${count}) ${current().title}`
    },
    rows(height) {
      top = Math.min(top, lastTop(height))
      return allRows().slice(top, top + height)
    },
    move(command, height) {
      const go = moves[command]
      go?.(height)
      return go !== undefined
    },
    show(reading, isAnother) {
      const { key } = current()
      pages = pagesOf(reading)
      made = null
      if (isAnother) turnTo(0)
      // A page of test output may have come or gone.
      else
        at = Math.max(
          0,
          pages.findIndex((page) => page.key === key),
        )
    },
  }
}
