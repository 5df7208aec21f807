import type { CandidateRow } from './candidate.entity.ts'
import type { Evidence } from './evidence.ts'

/** A candidate that has a result. */
export interface Contender {
  readonly candidate: CandidateRow
  /** Null where nothing can be measured, as with a plan. */
  readonly evidence: Evidence | null
  /** The result as a judge is shown it. */
  readonly text: string
}

export type Contenders = readonly [Contender, ...Contender[]]

/** Contenders in groups of the same result: a judge could not tell them apart, so the first stands for all of them. */
export const sameResults = (contenders: Contenders): readonly [Contenders, ...Contenders[]] => {
  const [first, ...others] = Map.groupBy(contenders, ({ candidate, text }) => `${candidate.tree}\n${text}`).values()
  const toSame = (group: readonly Contender[]): Contenders[] => {
    const [one, ...more] = group
    return one ? [[one, ...more]] : []
  }
  const [same, ...rest] = [first ?? [], ...others].flatMap(toSame)
  return same ? [same, ...rest] : [contenders]
}

const list = (contenders: readonly Contender[]): string => contenders.map(({ candidate }) => candidate.label).join(', ')

/** Who was taken for whom; empty where all differ. */
export const describeSame = (groups: readonly Contenders[]): string =>
  groups
    .filter(({ length }) => length > 1)
    .map((group) => `${list(group)} have the same result; ${group[0].candidate.label} stands for it.`)
    .join('\n')
