/** How much each of many callers has left. */
export interface Allowances {
  /** Takes `cost` if there is as much. @returns how many seconds until there is; 0 when it was taken */
  take(caller: string, cost: number): number
  /** Undoes a `take`. */
  giveBack(caller: string, cost: number): void
  has(caller: string): boolean
  forget(caller: string): void
}

interface Bucket {
  readonly level: number
  /** When it had that, in milliseconds. */
  readonly at: number
}

/**
 * Gives each caller `perMinute` at once, and as much again in every minute.
 * @param maxCallers how many are remembered; who has not asked for longest is forgotten first, and begins anew
 * @param now a clock that never goes back, in milliseconds
 */
export const createAllowances = (
  perMinute: number,
  maxCallers: number,
  now: () => number = () => performance.now(),
): Allowances => {
  const buckets = new Map<string, Bucket>()
  const perMs = perMinute / 60_000
  const levelOf = (caller: string): number => {
    const bucket = buckets.get(caller)
    return bucket ? Math.min(perMinute, bucket.level + (now() - bucket.at) * perMs) : perMinute
  }
  const setLevel = (caller: string, level: number): void => {
    // The last one in the order of insertion is the one that asked last.
    buckets.delete(caller)
    buckets.set(caller, { level, at: now() })
    const [oldest] = buckets.keys()
    if (buckets.size > maxCallers && oldest !== undefined) buckets.delete(oldest)
  }
  return {
    take(caller, cost) {
      const level = levelOf(caller)
      if (level < cost) return Math.max(1, Math.ceil((cost - level) / perMs / 1_000))
      setLevel(caller, level - cost)
      return 0
    },
    giveBack(caller, cost) {
      if (buckets.has(caller)) setLevel(caller, Math.min(perMinute, levelOf(caller) + cost))
    },
    has: (caller) => buckets.has(caller),
    forget(caller) {
      buckets.delete(caller)
    },
  }
}
