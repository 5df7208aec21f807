const filesPerDirectory = 100

const filler = Array.from({ length: 40 }, (_, line) => `line ${line} of some length, as in a source file`)

const pathOf = (index: number): string => `src/d${Math.floor(index / filesPerDirectory)}/file-${index}.txt`

const lineOf = (index: number, step: string): string => `file ${index} step ${step}`

const contentOf = (index: number): string =>
  `${[...filler.slice(0, 20), lineOf(index, 'first'), ...filler.slice(20)].join('\n')}\n`

/** The files that all patches begin with, one at a time: a process that holds much memory starts others more slowly. */
export function* filesOf(count: number) {
  for (let index = 0; index < count; index++) {
    yield { path: pathOf(index), mode: '100644' as const, content: Buffer.from(contentOf(index)) }
  }
}

/** One line of these files, from one step to the next. The files are taken from all over the tree. */
export const patchOf = (files: number, touched: number, from: string, to: string): string => {
  const distance = Math.max(1, Math.floor(files / touched))
  const context = (begin: number, end: number) => filler.slice(begin, end).map((line) => ` ${line}\n`)
  return Array.from({ length: Math.min(files, touched) }, (_, number) => {
    const index = number * distance
    const path = pathOf(index)
    return [
      `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n@@ -18,7 +18,7 @@\n`,
      ...context(17, 20),
      `-${lineOf(index, from)}\n+${lineOf(index, to)}\n`,
      ...context(20, 23),
    ].join('')
  }).join('')
}
