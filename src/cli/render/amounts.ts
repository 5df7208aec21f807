const thousands = new Intl.NumberFormat('en-US')

export const formatCount = (count: number): string => thousands.format(count)

/** Null: the model's price is not known. */
export const formatCost = (usd: number | null): string =>
  usd === null ? 'price unknown' : usd === 0 ? '$0' : `$${usd.toFixed(usd < 0.01 ? 4 : 2)}`

export const formatDuration = (milliseconds: number): string => {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`
  const seconds = milliseconds / 1_000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  return `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`
}

/** `1 test`, `2 tests`. */
export const plural = (count: number, noun: string, many = `${noun}s`): string =>
  `${formatCount(count)} ${count === 1 ? noun : many}`

/** `512 bytes`, `3.2 MB`. */
export const formatBytes = (bytes: number): string => {
  const units = ['kB', 'MB', 'GB', 'TB']
  if (bytes < 1_000) return plural(bytes, 'byte')
  const power = Math.min(units.length, Math.floor(Math.log10(bytes) / 3))
  return `${(bytes / 1_000 ** power).toFixed(1)} ${units[power - 1]}`
}
