/** Wall time of a test case that names none, in milliseconds. */
export const defaultTimeoutMs = (quick: boolean): number => (quick ? 5_000 : 30_000)

export const maxTimeoutMs = 600_000
