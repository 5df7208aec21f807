const firstDelayMs = 5_000
const longestDelayMs = 3_600_000
const jitter = 0.2

/** After so many failures of one event a webhook is dead: the delays between them add up to a day and 25 minutes. */
export const mostFailures = 34

/**
 * How long to wait after an event has failed so many times: twice as long each time, up to an hour, and a little more, so
 * that what failed together is not tried together.
 * @param chance in [0, 1)
 * @returns milliseconds
 */
export const retryDelayMs = (failures: number, chance = Math.random()): number =>
  Math.min(longestDelayMs, firstDelayMs * 2 ** (failures - 1)) * (1 + jitter * chance)
