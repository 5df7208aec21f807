const ours = /\/src\/((?:domain|workers)[\w/.-]*\.ts):(\d+):\d+/

/** What every write goes through, and so says nothing of where it was made. */
const passedThrough = /^domain\/(shared|lease)\//

/** A place in the source from which something is written: found when it is asked for, since it is asked for rarely. */
export interface Place {
  toString(): string
}

/**
 * Whoever called: file, line and function of the first frame in the domain or the workers that is not one through which
 * everything goes. What a timer does by itself has only such frames, and is named by the last of them.
 */
export const callerOf = (): Place => {
  const here = new Error('here')
  let name: string | undefined
  return {
    toString() {
      name ??= placeIn(here.stack ?? '')
      return name
    },
  }
}

const placeIn = (stack: string): string => {
  const frames = stack.split('\n').flatMap((line) => {
    const [, file = '', row] = ours.exec(line) ?? []
    if (row === undefined) return []
    const [, called] = /^\s*at (?:async )?(?:new )?([\w.$<>]+) \(/.exec(line) ?? []
    return [{ file, text: `${file.replace(/^domain\//, '')}:${row} ${called?.split('.').at(-1) ?? ''}`.trim() }]
  })
  const found = frames.find(({ file }) => !passedThrough.test(file)) ?? frames.at(-1)
  return found?.text ?? 'elsewhere'
}
