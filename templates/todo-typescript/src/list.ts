import { addDays, addMonths, type Day, isDay } from './date.ts'

export type Repeat = 'daily' | 'weekly' | 'monthly'

export interface NewItem {
  readonly title: string
  readonly due?: Day
  readonly repeat?: Repeat
}

export interface Item extends NewItem {
  readonly id: number
  readonly completed?: Day
}

export interface List {
  readonly items: readonly Item[]
  readonly nextId: number
}

export const emptyList: List = { items: [], nextId: 1 }

const nextDue: Record<Repeat, (due: Day) => Day> = {
  daily: (due) => addDays(due, 1),
  weekly: (due) => addDays(due, 7),
  monthly: (due) => addMonths(due, 1),
}

/** @throws RangeError for an empty title, a due day that does not exist, or a repeating item that is never due */
export const addItem = (list: List, { title, due, repeat }: NewItem): List => {
  const words = title.trim()
  if (words === '') throw new RangeError('An item needs a title.')
  if (due !== undefined && !isDay(due)) throw new RangeError(`"${due}" is not a day such as 2026-01-31.`)
  if (repeat !== undefined && due === undefined) throw new RangeError('An item that repeats needs a due day.')
  const item: Item = {
    id: list.nextId,
    title: words,
    ...(due === undefined ? {} : { due }),
    ...(repeat === undefined ? {} : { repeat }),
  }
  return { items: [...list.items, item], nextId: list.nextId + 1 }
}

/** Marks an item as done. One that repeats comes back, due the next time. @throws RangeError for an unknown id */
export const completeItem = (list: List, id: number, on: Day): List => {
  const found = list.items.find((item) => item.id === id)
  if (!found) throw new RangeError(`There is no item ${id}.`)
  if (found.completed !== undefined) return list
  const items = list.items.map((item) => (item === found ? { ...item, completed: on } : item))
  const done = { ...list, items }
  const { title, due, repeat } = found
  return repeat === undefined || due === undefined ? done : addItem(done, { title, due: nextDue[repeat](due), repeat })
}

/** What is to be done by a day, the most urgent first. */
export const dueBy = (list: List, day: Day): readonly Item[] =>
  list.items
    .filter((item) => item.completed === undefined && item.due !== undefined && item.due <= day)
    .sort((a, b) => (a.due ?? '').localeCompare(b.due ?? '') || a.id - b.id)
