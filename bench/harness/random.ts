/** Numbers below `below` that look drawn by lot, the same ones for the same seed (mulberry32). */
export const randomNumbers = (seed: number): ((below: number) => number) => {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** The same items in an order drawn by lot. */
export const shuffled = <Item>(items: readonly Item[], random: (below: number) => number): Item[] => {
  const rest = [...items]
  return items.flatMap(() => rest.splice(random(rest.length), 1))
}
