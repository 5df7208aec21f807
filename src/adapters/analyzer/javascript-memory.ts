import type { Value } from './javascript-members.ts'
import type { Class } from './javascript-tree.ts'

/** An instance of a class of the file: one object for each class, so that identity holds. */
export interface InstanceOf {
  readonly type: 'instance'
  readonly of: Class
}

/** What is known of nodes, names and properties. What depends on itself gets better from round to round. */
export interface Memory {
  /** Computes once a round; asked for while it is being computed, it is what the round before found. */
  remember(key: object | string, compute: () => readonly Value[]): readonly Value[]
  /** The same, for a property of a value. */
  rememberProperty(value: object, name: string, compute: () => readonly Value[]): readonly Value[]
  instance(of: Class): InstanceOf
  /** Begins anew with what has been found. @returns what the round has found that the one before had not */
  nextRound(): Progress
}

/** Of functions and objects, more than these tell nothing new. Names of the platform are never left out. */
const mostNodes = 24
/** Values that wait for each other, as far as the stack allows. */
const deepest = 300

export interface Progress {
  readonly hasMoreValues: boolean
  /** True when something turned out to be, or to lead to, a name of the platform. */
  readonly hasMoreNames: boolean
}

export function createMemory(): Memory {
  const entries = new Map<object | string, Entry>()
  const properties = new Map<object, Map<string, Entry>>()
  const instances = new Map<Class, InstanceOf>()
  let round = 1
  let hasMoreValues = false
  let hasMoreNames = false
  let depth = 0

  const recall = (entry: Entry, compute: () => readonly Value[]): readonly Value[] => {
    if (entry.round === round || entry.isUnderway) return entry.values
    if (depth === deepest) {
      // Its own turn comes in this round, and the next one knows it.
      hasMoreValues = true
      return entry.values
    }
    entry.isUnderway = true
    depth += 1
    const values = bounded(compute())
    depth -= 1
    entry.isUnderway = false
    if (values.length > entry.values.length) {
      hasMoreValues = true
      hasMoreNames ||= namesIn(values) > namesIn(entry.values)
    }
    entry.values = values
    entry.round = round
    return values
  }
  return {
    remember(key, compute) {
      let entry = entries.get(key)
      if (entry === undefined) {
        entry = newEntry()
        entries.set(key, entry)
      }
      return recall(entry, compute)
    },
    rememberProperty(value, name, compute) {
      let ofValue = properties.get(value)
      if (ofValue === undefined) {
        ofValue = new Map()
        properties.set(value, ofValue)
      }
      let entry = ofValue.get(name)
      if (entry === undefined) {
        entry = newEntry()
        ofValue.set(name, entry)
      }
      return recall(entry, compute)
    },
    instance(of) {
      const made = instances.get(of) ?? { type: 'instance', of }
      instances.set(of, made)
      return made
    },
    nextRound() {
      const progress = { hasMoreValues, hasMoreNames }
      round += 1
      hasMoreValues = false
      hasMoreNames = false
      return progress
    },
  }
}

interface Entry {
  values: readonly Value[]
  /** The round that found the values. */
  round: number
  isUnderway: boolean
}

const nothing: readonly Value[] = []

function newEntry(): Entry {
  return { values: nothing, round: 0, isUnderway: false }
}

function namesIn(values: readonly Value[]): number {
  return values.filter((value) => typeof value === 'string' && !value.startsWith('#')).length
}

function bounded(values: readonly Value[]): readonly Value[] {
  if (values.length < 2) return values.length === 0 ? nothing : values
  const distinct = [...new Set(values)]
  if (distinct.length <= mostNodes) return distinct
  const names = distinct.filter((value) => typeof value === 'string')
  return [...names, ...distinct.filter((value) => typeof value !== 'string').slice(0, mostNodes)]
}
