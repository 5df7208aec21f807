import { readFileSync } from 'node:fs'
import type { SourceRows } from './bundle.ts'

/** What every write goes through, and so says nothing of where it was made. */
const passedThrough = /^domain\/(shared|lease)\//

/** A place in the source from which something is written: found when it is asked for, since it is asked for rarely. */
export interface Place {
  toString(): string
}

/**
 * Whoever called: file, line and function of the first frame in the domain or the workers that is not one through which
 * everything goes. What a timer does by itself has only such frames, and is named by the last of them.
 * @param sourceRows the file that tells where the bundled lines come from
 */
export const callersIn = (sourceRows: string): (() => Place) => {
  let rows: SourceRows | undefined
  return () => {
    const here = new Error('here')
    let name: string | undefined
    return {
      toString() {
        rows ??= JSON.parse(readFileSync(sourceRows, 'utf8')) as SourceRows
        name ??= placeIn(here.stack ?? '', rows)
        return name
      },
    }
  }
}

const placeIn = (stack: string, rows: SourceRows): string => {
  const frames = stack.split('\n').flatMap((line) => {
    const [, chunk = '', at, column] = /\/([\w.-]+\.js):(\d+):(\d+)\)?$/.exec(line) ?? []
    const found = rows[chunk]?.[Number(at)]?.findLast(([from]) => from < Number(column))
    if (!found) return []
    const [, file, row] = found
    const [, called] = /^\s*at (?:async )?(?:new )?([\w.$<>]+) \(/.exec(line) ?? []
    // A name that two files have gets a number in a bundle.
    const ending =
      called
        ?.split('.')
        .at(-1)
        ?.replace(/\$\d+$/, '') ?? ''
    return [{ file, text: `${file.replace(/^domain\//, '')}:${row} ${ending}`.trim() }]
  })
  const found = frames.find(({ file }) => !passedThrough.test(file)) ?? frames.at(-1)
  return found?.text ?? 'elsewhere'
}
