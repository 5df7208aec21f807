import type { Services } from '../shared/services.ts'
import { type Grant, readGrants } from './access-watch.ts'
import { includesRole, type Viewer } from './viewer.ts'

/** What a viewer's token still allows. */
export interface Standing {
  /** The projects that they may see; null means all of them. */
  readonly projectIds: readonly string[] | null
}

/** Answers the many who listen whether they still may. */
export interface Standings {
  /**
   * What the viewer may as of a moment ago; undefined once the token has expired or is revoked or its actor disabled. A
   * project that they only lately may see is among them, also where they came with less.
   */
  of(viewer: Viewer): Promise<Standing | undefined>
}

interface Look {
  readonly at: number
  readonly asked: ReadonlySet<string>
  readonly grants: ReadonlyMap<string, Grant>
}

/** Who has not asked for so long is not looked at with the others any more. */
const rememberedMs = 10_000

const standingOf = (grant: Grant | undefined): Standing | undefined => {
  if (!grant) return undefined
  return { projectIds: includesRole(grant.everywhere, 'VIEWER') ? null : [...grant.projects.keys()] }
}

/**
 * One statement at the most in `freshMs`, however many listen.
 * @param freshMs how old an answer may be
 * @param now a clock that never goes back, in milliseconds
 */
export const createStandings = (
  { em, clock }: Pick<Services, 'em' | 'clock'>,
  freshMs: number,
  now: () => number = () => performance.now(),
): Standings => {
  const askedAt = new Map<string, number>()
  let last: Look = { at: Number.NEGATIVE_INFINITY, asked: new Set(), grants: new Map() }
  let looking: Promise<void> | undefined

  const look = async (): Promise<void> => {
    const at = now()
    for (const [tokenId, time] of askedAt) if (at - time > rememberedMs) askedAt.delete(tokenId)
    const asked = new Set(askedAt.keys())
    last = { at, asked, grants: await readGrants(em(), [...asked], clock()) }
  }
  return {
    async of({ tokenId }) {
      const begun = now()
      // Also where looking takes longer than that.
      const oldest = () => Math.min(begun, now() - freshMs + 1)
      for (;;) {
        if (last.asked.has(tokenId) && last.at >= oldest()) return standingOf(last.grants.get(tokenId))
        askedAt.set(tokenId, now())
        // A moment later: those whom the same event wakes ask together.
        looking ??= Promise.resolve()
          .then(look)
          .finally(() => {
            looking = undefined
          })
        await looking
      }
    },
  }
}
