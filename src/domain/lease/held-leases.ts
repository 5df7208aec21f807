/** The leases that a process holds, so that it can look at all of them when some were taken away. */
export interface HeldLeases {
  /** @param check looks whether one lease is still held. @returns what takes it out again */
  add(check: () => void): () => void
  /** Has every holder look now: called when somebody, in any process, has revoked leases. */
  check(): void
}

export const createHeldLeases = (): HeldLeases => {
  const checks = new Set<() => void>()
  return {
    add(check) {
      checks.add(check)
      return () => {
        checks.delete(check)
      }
    },
    check() {
      for (const check of checks) check()
    },
  }
}
