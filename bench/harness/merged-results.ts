import type { Result } from './result.ts'

/**
 * New results in the place of those that were kept of the same benchmarks, and all others as they are, each with the
 * day, machine and versions that it was taken with. One that had nothing to compare takes nobody's place.
 * @param names of the benchmarks that there are, in the order in which they are shown
 */
export const mergedResults = (
  kept: readonly Result[],
  fresh: readonly Result[],
  names: readonly string[],
): readonly Result[] => {
  const found = [...fresh.filter(({ rows }) => rows.length > 0), ...kept]
  return names.flatMap((name) => found.find((result) => result.name === name) ?? [])
}
