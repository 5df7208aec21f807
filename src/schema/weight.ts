import type { GraphQLField } from 'graphql'

/** What a field counts in the cost of an operation, where that is not 1: it stands in the field's `extensions`. */
interface Weight {
  /** In place of 1. */
  readonly cost?: number
  /** How many entries its list is taken to have, in place of `assumedListSize`. */
  readonly entries?: number
}

/** A list that has no pages is taken to have so many entries, except where its arguments name them. */
export const assumedListSize = 3

const weighing = (weight: Weight) => ({ weight })

/** The cost of what may hold megabytes, alone or together with what is beside it. */
export const heavy = 1_100

/** What holds up to megabytes, or reads them to be answered: some ninety of it are what an operation may ask for. */
export const megabytes = weighing({ cost: heavy })
/** The same of what stands in a list and is megabytes together. */
export const partOfMegabytes = weighing({ cost: Math.ceil(heavy / assumedListSize) })
/** The same two lists deep. */
export const partOfPartOfMegabytes = weighing({ cost: Math.ceil(heavy / assumedListSize ** 2) })
/** A list of up to tens of thousands. */
export const longList = weighing({ entries: heavy })
/** A list that is short nearly always, and megabytes where somebody means harm. */
export const seldomLongList = weighing({ cost: heavy, entries: 100 })
/** The same, but a list of 50 objects may show it of each. */
export const seldomLongPart = weighing({ cost: 900 })
/** A list of one entry for each file at the most. */
export const listOfFiles = weighing({ cost: 250 })
/** Text of up to a hundred thousand characters or two. */
export const longText = weighing({ cost: 25 })

const usual: Weight = {}

export const weightOf = (field: Pick<GraphQLField<unknown, unknown>, 'extensions'> | undefined): Weight =>
  (field?.extensions as Partial<ReturnType<typeof weighing>> | undefined)?.weight ?? usual
