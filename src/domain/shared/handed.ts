import { interruptible } from './interruptible.ts'

/** Those of some items that may still be taken: for who has waited since they were given them. */
export type StillGiven<Item> = (items: readonly Item[]) => readonly Item[] | Promise<readonly Item[]>

/**
 * Takes items in their order. What it gives back is waited for before the next ones come.
 * @param areShared whether others are given the very same items
 * @param stillGiven where leave to take them may be lost while it is waited
 */
export type Take<Item> = (
  items: readonly Item[],
  areShared: boolean,
  stillGiven?: StillGiven<Item>,
) => void | Promise<void>

/** Hands items over, at most so many at a time, until there are no more or the signal is aborted. */
export type HandOver<Item> = (take: Take<Item>, most: number, signal: AbortSignal) => Promise<void>

/** Items that are asked for one by one, as those of any generator, or taken as they come. */
export interface Handed<Item> extends AsyncGenerator<Item> {
  /** In the place of `next`: hands everything over. Settles at the end, of which `return` is one. */
  handTo(take: Take<Item>, most: number): Promise<void>
}

async function* oneByOne<Item>(handOver: HandOver<Item>, signal: AbortSignal): AsyncGenerator<Item> {
  const waiting: Item[] = []
  let hasEnded = false
  let notify = () => {}
  let askForMore = () => {}
  const take: Take<Item> = (items) => {
    waiting.push(...items)
    notify()
    return new Promise((resolve) => {
      askForMore = resolve
    })
  }
  const end = handOver(take, 1, signal).finally(() => {
    hasEnded = true
    notify()
  })
  // It is heard of below, unless the reader leaves first.
  end.catch(() => {})
  try {
    for (;;) {
      const item = waiting.shift()
      if (item !== undefined) {
        yield item
        askForMore()
      } else if (hasEnded) return await end
      else {
        await new Promise<void>((resolve) => {
          notify = resolve
        })
      }
    }
  } finally {
    askForMore()
  }
}

/** @param handOver is called once, when the first item is asked for, or they are to be taken as they come */
export const handed = <Item>(handOver: HandOver<Item>): Handed<Item> => {
  const stop = new AbortController()
  const items = interruptible((left) => {
    left.addEventListener('abort', () => stop.abort(), { once: true })
    return oneByOne(handOver, left)
  })
  return {
    ...items,
    handTo: async (take, most) => {
      if (!stop.signal.aborted) await handOver(take, most, stop.signal)
    },
  }
}

export const isHanded = <Item>(items: AsyncIterable<Item>): items is Handed<Item> => 'handTo' in items
