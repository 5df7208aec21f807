/** Something that waits for its turn; projects take turns. */
export interface Waiting {
  /** A number that grows: what was asked for first has the least. */
  readonly id: string
  /** Whose turn it takes. */
  readonly project: string
}

const byAge = (a: Waiting, b: Waiting): number => (BigInt(a.id) < BigInt(b.id) ? -1 : 1)

/**
 * Whose turn it is: the project that has the least under way, and of those that have as much, the one that has waited
 * longest. Within a project what was asked for first comes first.
 * @param underWay what each project has under way already; none where it is not named
 * @param room how many there is room for
 * @returns at most `room` of those that wait, in the order of their turns
 */
export const takeTurns = <Entry extends Waiting>(
  waiting: readonly Entry[],
  underWay: ReadonlyMap<string, number>,
  room: number,
): readonly Entry[] => {
  const lines = [...Map.groupBy(waiting.toSorted(byAge), ({ project }) => project)].map(([project, line]) => ({
    load: underWay.get(project) ?? 0,
    line,
    taken: 0,
  }))
  const chosen: Entry[] = []
  while (chosen.length < room) {
    let next: { readonly entry: Entry; readonly of: (typeof lines)[number] } | undefined
    for (const of of lines) {
      const entry = of.line[of.taken]
      if (!entry) continue
      const isLess = !next || of.load < next.of.load || (of.load === next.of.load && byAge(entry, next.entry) < 0)
      if (isLess) next = { entry, of }
    }
    if (!next) break
    chosen.push(next.entry)
    next.of.load += 1
    next.of.taken += 1
  }
  return chosen
}
