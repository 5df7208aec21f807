/** In milliseconds: those who listen get an event at the same time, or alone. */
const keptMs = 250

/** What somebody is sent may be megabytes, and events wait in the inboxes of those who read slowly. */
const mostKept = 50

/** Lets go of each thing a moment after it came, or when there are too many. */
export const createShortMemory = (): ((letGo: () => void) => void) => {
  const kept: { readonly until: number; readonly letGo: () => void }[] = []
  let isTimed = false
  const letGoOfOld = (): void => {
    const now = performance.now()
    while (kept[0] && kept[0].until <= now) kept.shift()?.letGo()
    isTimed = kept[0] !== undefined
    if (kept[0]) setTimeout(letGoOfOld, kept[0].until - now).unref()
  }
  return (letGo) => {
    kept.push({ until: performance.now() + keptMs, letGo })
    if (kept.length > mostKept) kept.shift()?.letGo()
    if (isTimed) return
    isTimed = true
    setTimeout(letGoOfOld, keptMs).unref()
  }
}
