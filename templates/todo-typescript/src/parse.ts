import type { NewItem, Repeat } from './list.ts'

const repeats: readonly string[] = ['daily', 'weekly', 'monthly'] satisfies Repeat[]

const isRepeat = (word: string): word is Repeat => repeats.includes(word)

/**
 * Reads a line: words are the title, `!2026-01-31` is the due day, `*monthly` how it repeats.
 * @throws RangeError for a way of repeating that there is not
 */
export const parseItem = (line: string): NewItem => {
  const title: string[] = []
  let due: string | undefined
  let repeat: Repeat | undefined
  for (const word of line.split(/\s+/).filter(Boolean)) {
    if (word.startsWith('!') && word.length > 1) due = word.slice(1)
    else if (word.startsWith('*') && word.length > 1) {
      const name = word.slice(1)
      if (!isRepeat(name)) throw new RangeError(`"${name}" is none of ${repeats.join(', ')}.`)
      repeat = name
    } else title.push(word)
  }
  return {
    title: title.join(' '),
    ...(due === undefined ? {} : { due }),
    ...(repeat === undefined ? {} : { repeat }),
  }
}
