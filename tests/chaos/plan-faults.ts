import type { Crew, Plan, Slot } from './crew.ts'

/** Decides what happens to which process, and when: by chance, and by what has been hit the least. */
export interface Faults {
  plan(slot: Slot): Plan | undefined
  /** Those of the required points that were not yet hit often enough, with how often they were. */
  lacking(): string[]
}

/**
 * Of a hundred faults 3 are pauses past the lease, 5 cut connections, and 12 kill at a moment chosen by chance; the
 * others kill at a point.
 */
export const planFaults = (options: {
  readonly random: (below: number) => number
  readonly crew: Pick<Crew, 'hits' | 'passes' | 'pointsOf'>
  /** The points that undisturbed work passes; those that disturbed work passes often are required too. */
  readonly required: ReadonlySet<string>
  /** How often each of them is to be hit by kills. */
  readonly wanted: number
  /** How many points a process passes before anything happens to it: so many and up to twice as many more. */
  readonly calm: number
  /** How many plans are made in all. */
  readonly most?: number | undefined
}): Faults => {
  const { random, crew, required, wanted, calm, most = Number.POSITIVE_INFINITY } = options
  let planned = 0
  // What is passed less often cannot be hit so often: a deadlock, the very first start.
  const requiredNow = () =>
    [...crew.passes].flatMap(([point, passed]) => (required.has(point) || passed >= 3 * wanted ? [point] : []))
  const killsAt = (point: string) => {
    const hits = crew.hits.get(point)
    return hits ? hits.kill + hits.beside : 0
  }
  /**
   * The least hit of the required ones that the slot's processes pass, or of all that they do; when none of them comes,
   * all that are not hit often enough.
   */
  const leastHit = (slot: Slot) => {
    let isFirst = true
    return () => {
      const passed = crew.pointsOf(slot)
      const points = [...passed]
      const required = requiredNow().filter((point) => passed.has(point))
      const wanting = [required, points].map((some) => some.filter((point) => killsAt(point) < wanted))
      const from = wanting.find((some) => some.length > 0) ?? points
      const least = Math.min(...from.map(killsAt))
      const chosen = isFirst ? from.filter((point) => killsAt(point) <= least + 1) : from
      isFirst = false
      return chosen
    }
  }
  return {
    plan(slot) {
      planned += 1
      if (planned > most) return undefined
      const hasLacking = requiredNow().some((point) => killsAt(point) < wanted && crew.pointsOf(slot).has(point))
      // Those that have been hit enough let work come to the points of the others.
      const afterPasses = (calm + random(2 * calm + 1)) * (wanted > 0 && !hasLacking ? 4 : 1)
      const chance = random(100)
      if (chance < 12) return { afterPasses, action: 'kill', choose: null, patienceMs: 0 }
      const action = chance < 15 ? 'pause' : chance < 20 ? 'cut' : 'kill'
      return { afterPasses, action, choose: leastHit(slot), patienceMs: 2_000 }
    },
    lacking: () =>
      requiredNow()
        .filter((point) => killsAt(point) < wanted)
        .map((point) => `${point}: ${killsAt(point)}`),
  }
}
