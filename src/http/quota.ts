/** How much of something may be in use at once: by each of those who use it, and by all. */
export interface Quota<User> {
  /** @returns what gives it back, however often it is called; undefined when there is not as much left */
  take(user: User, amount?: number): (() => void) | undefined
}

/** Counts for this process, and remembers nobody who uses nothing. */
export const createQuota = <User>(each: number, all = Number.POSITIVE_INFINITY): Quota<User> => {
  const used = new Map<User, number>()
  let sum = 0
  const add = (user: User, amount: number): void => {
    const own = (used.get(user) ?? 0) + amount
    if (own === 0) used.delete(user)
    else used.set(user, own)
    sum += amount
  }
  return {
    take(user, amount = 1) {
      if ((used.get(user) ?? 0) + amount > each || sum + amount > all) return undefined
      add(user, amount)
      let isTaken = true
      return () => {
        if (isTaken) add(user, -amount)
        isTaken = false
      }
    },
  }
}
