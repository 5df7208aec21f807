/**
 * By what Redis throws keys away when its memory is full.
 * @param memory what it answers to `INFO memory`
 * @returns null where it keeps all, or does not say
 */
export const evictionPolicy = (memory: string): string | null => {
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1]
  return policy === undefined || policy === 'noeviction' ? null : policy
}
