/** A calendar day, such as `2026-01-31`. */
export type Day = string

const format = /^(\d{4})-(\d{2})-(\d{2})$/

/** Whether a text is a day that exists. */
export const isDay = (text: string): boolean => {
  if (!format.test(text)) return false
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
}

const toDate = (day: Day): Date => {
  if (!isDay(day)) throw new RangeError(`"${day}" is not a day such as 2026-01-31.`)
  return new Date(`${day}T00:00:00Z`)
}

const toDay = (date: Date): Day => date.toISOString().slice(0, 10)

/** The day that comes this many days later, or earlier for a negative count. */
export const addDays = (day: Day, count: number): Day => {
  const date = toDate(day)
  date.setUTCDate(date.getUTCDate() + count)
  return toDay(date)
}

/** The same day this many months later. */
export const addMonths = (day: Day, count: number): Day => {
  const date = toDate(day)
  date.setUTCMonth(date.getUTCMonth() + count)
  return toDay(date)
}
