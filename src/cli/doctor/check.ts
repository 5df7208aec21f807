/** One thing that was looked at. */
export interface Check {
  readonly name: string
  /** `missing` stops the server from doing its work; `limited` takes something from it. */
  readonly status: 'ok' | 'limited' | 'missing'
  /** What was found. */
  readonly detail: string
  /** How to get what is not there; null when all is well. */
  readonly remedy: string | null
}

export const ok = (name: string, detail: string): Check => ({ name, status: 'ok', detail, remedy: null })
export const limited = (name: string, detail: string, remedy: string): Check => ({
  name,
  status: 'limited',
  detail,
  remedy,
})
export const missing = (name: string, detail: string, remedy: string): Check => ({
  name,
  status: 'missing',
  detail,
  remedy,
})
