/** Whoever holds one lease. */
interface Holder {
  /** Looks whether the lease is still held. */
  look(): void
  /** Breaks off what is done under it. */
  end(reason: Error): void
}

/** The leases that a process holds, to reach all of them: when some were taken away, and when its time is over. */
export interface HeldLeases {
  /** @returns what takes it out again */
  add(holder: Holder): () => void
  /** Has every holder look now: called when somebody, in any process, has revoked leases. */
  check(): void
  /** Breaks off what is done under these leases, and under any that are taken from now on. */
  end(reason: Error): void
}

export const createHeldLeases = (): HeldLeases => {
  const holders = new Set<Holder>()
  let ended: Error | undefined
  return {
    add(holder) {
      holders.add(holder)
      if (ended) holder.end(ended)
      return () => {
        holders.delete(holder)
      }
    },
    check() {
      for (const { look } of holders) look()
    },
    end(reason) {
      ended = reason
      for (const { end } of holders) end(reason)
    },
  }
}
