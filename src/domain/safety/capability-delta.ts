import { type Capability, type CapabilityUse, capabilities } from '../ports/code-analyzer.ts'

/** What a change does to the uses of capabilities in the files that it touches. */
export interface CapabilityDelta {
  readonly added: readonly CapabilityUse[]
  readonly removed: readonly CapabilityUse[]
  /** As they stand in the result. */
  readonly unchanged: readonly CapabilityUse[]
  /** Capabilities of the result that no touched file had before, in the order of the enum. */
  readonly addedCapabilities: readonly Capability[]
}

/**
 * Matches uses before and after one to one: first those on the same line of code, then those of the same symbol,
 * both in the same file. Line numbers play no part, so moved code is unchanged. `previousPath` gives the name that
 * a file of the result had before.
 */
export function capabilityDelta(
  before: readonly CapabilityUse[],
  after: readonly CapabilityUse[],
  previousPath: (path: string) => string,
): CapabilityDelta {
  const bySnippet = (use: CapabilityUse, path: string) =>
    JSON.stringify([path, use.capability, use.symbol, use.snippet])
  const bySymbol = (use: CapabilityUse, path: string) => JSON.stringify([path, use.capability, use.symbol])
  const exact = pair(
    before,
    after,
    (use) => bySnippet(use, use.path),
    (use) => bySnippet(use, previousPath(use.path)),
  )
  const similar = pair(
    exact.removed,
    exact.added,
    (use) => bySymbol(use, use.path),
    (use) => bySymbol(use, previousPath(use.path)),
  )
  const had = new Set(before.map((use) => use.capability))
  const has = new Set(after.map((use) => use.capability))
  const added = new Set(similar.added)
  return {
    added: similar.added,
    removed: similar.removed,
    unchanged: after.filter((use) => !added.has(use)),
    addedCapabilities: capabilities.filter((capability) => has.has(capability) && !had.has(capability)),
  }
}

function pair(
  before: readonly CapabilityUse[],
  after: readonly CapabilityUse[],
  keyBefore: (use: CapabilityUse) => string,
  keyAfter: (use: CapabilityUse) => string,
): { removed: CapabilityUse[]; added: CapabilityUse[] } {
  const open = new Map<string, CapabilityUse[]>()
  for (const use of before) {
    const key = keyBefore(use)
    open.set(key, [...(open.get(key) ?? []), use])
  }
  const added = after.filter((use) => open.get(keyAfter(use))?.shift() === undefined)
  const left = new Set([...open.values()].flat())
  return { removed: before.filter((use) => left.has(use)), added }
}
