/** Two who are compared. */
export type Pair<Entry> = readonly [Entry, Entry]

/** What came of a comparison. */
export interface PairOutcome<Entry> {
  /** Null where neither was found the better one. */
  readonly agreed: Entry | null
  /** What each was worth in this comparison. */
  readonly means: readonly [number, number]
}

/** As many meet each other; of more, some are knocked out before. */
const everybodyMeets = 4

const winnerOf = <Entry>([first, second]: Pair<Entry>, { agreed, means }: PairOutcome<Entry>): Entry =>
  agreed ?? (means[1] > means[0] ? second : first)

const allPairs = <Entry>(entries: readonly Entry[]): readonly Pair<Entry>[] =>
  entries.flatMap((first, index) => entries.slice(index + 1).map((second): Pair<Entry> => [first, second]))

/** The first who meet in a round of knock-out: as many pairs as leave four, the others wait for the next round. */
const knockOutPairs = <Entry>(entries: readonly Entry[]): readonly Pair<Entry>[] => {
  const count = Math.min(Math.floor(entries.length / 2), entries.length - everybodyMeets)
  return Array.from({ length: count }, (_, index) => entries.slice(2 * index, 2 * index + 2)).flatMap(
    ([first, second]): Pair<Entry>[] => (first !== undefined && second !== undefined ? [[first, second]] : []),
  )
}

/**
 * The best of several, by comparing two at a time, in a number of comparisons that grows with their number and not with
 * its square: n - 4 that knock one out each, and six between the last four. Without an agreed winner the one worth more
 * goes on, then the earlier. Of the last four the most wins win, then the higher mean of what each was worth among them,
 * then the earlier. Up to four all meet all.
 * @param compare is given the pairs of a round, which do not depend on each other; its answers are in their order
 */
export const playTournament = async <Entry>(
  entries: readonly [Entry, ...Entry[]],
  compare: (pairs: readonly Pair<Entry>[]) => Promise<readonly PairOutcome<Entry>[]>,
): Promise<Entry> => {
  let left: readonly Entry[] = entries
  while (left.length > everybodyMeets) {
    const pairs = knockOutPairs(left)
    const outcomes = await compare(pairs)
    const beaten = new Set(
      pairs.map((pair, index) => {
        const outcome = outcomes[index]
        if (!outcome) throw new Error('A comparison has no outcome.')
        return winnerOf(pair, outcome) === pair[0] ? pair[1] : pair[0]
      }),
    )
    left = left.filter((entry) => !beaten.has(entry))
  }
  const wins = new Map(left.map((entry) => [entry, 0]))
  const worth = new Map(left.map((entry) => [entry, 0]))
  const pairs = allPairs(left)
  const outcomes = await compare(pairs)
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.agreed !== null) wins.set(outcome.agreed, (wins.get(outcome.agreed) ?? 0) + 1)
    for (const [side, entry] of (pairs[index] ?? []).entries()) {
      worth.set(entry, (worth.get(entry) ?? 0) + (outcome.means[side] ?? 0))
    }
  }
  const [winner] = left.toSorted(
    (a, b) => (wins.get(b) ?? 0) - (wins.get(a) ?? 0) || (worth.get(b) ?? 0) - (worth.get(a) ?? 0),
  )
  return winner ?? entries[0]
}
