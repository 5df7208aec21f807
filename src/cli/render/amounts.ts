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
