import type { EntityManager } from '@mikro-orm/postgresql'
import type { Role } from '../errors.ts'
import { runStatement } from '../shared/run-statement.ts'
import type { Services } from '../shared/services.ts'
import { boundedRole, globalRole, includesRole, type Viewer, widerRole } from './viewer.ts'

/** Why a connection ends: who came with the token is not signed in any more, or may do less than when they came. */
export type LostAccess = 'SIGNED_OUT' | 'NARROWED'

/** Ends what outlasts a request once the viewer may not have it any more. */
export interface AccessWatch extends Disposable {
  /**
   * Tells once, at most `intervalMs` after it happened, that the viewer's token has expired or is revoked, their actor
   * is disabled, their role lowered or a membership of theirs removed or lowered.
   * @returns what ends the watching, once what they may now is known
   */
  watch(viewer: Viewer, onLost: (why: LostAccess) => void): Promise<() => void>
}

/** What somebody may: their role on all projects, bounded by the token's, and on those that they are a member of. */
export interface Grant {
  readonly everywhere: Role | null
  readonly projects: ReadonlyMap<string, Role>
}

/** One token's listeners. */
interface Watched {
  readonly listeners: Set<(why: LostAccess) => void>
  /** As of the last look. */
  grant: Promise<Grant | undefined>
  /** The most that any of them came with: they go on with it, also where it was given and taken between two looks. */
  came: Role | null
}

const isNarrower = (now: Grant, before: Grant): boolean =>
  (before.everywhere !== null && !includesRole(now.everywhere, before.everywhere)) ||
  [...before.projects].some(([project, role]) => !includesRole(now.projects.get(project) ?? null, role))

interface HeldToken {
  readonly token: string
  readonly bound: Role
  readonly held: Role | null
  readonly memberships: readonly (readonly [projectId: string, role: Role])[]
}

const heldTokens = `
  select token.id as token, token.role as bound, actor.role as held, coalesce((
    select json_agg(json_build_array(project_id, role)) from membership where actor_id = actor.id
  ), '[]') as memberships
  from api_token as token join actor on actor.id = token.actor_id
  where token.id = any($1::uuid[]) and token.revoked_at is null and actor.disabled_at is null
    and (token.expires_at is null or token.expires_at > $2)`

/** What the tokens' actors may now, by token; a token that is not there lets nobody in. One query for any number. */
export const readGrants = async (
  em: EntityManager,
  tokenIds: readonly string[],
  now: Date,
): Promise<ReadonlyMap<string, Grant>> => {
  const found = await runStatement<HeldToken>(em, heldTokens, [tokenIds, now])
  return new Map(
    found.map(({ token, bound, held, memberships }) => {
      const projects = memberships.map(([projectId, role]) => [projectId, boundedRole(role, bound) ?? role] as const)
      return [token, { everywhere: boundedRole(held, bound), projects: new Map(projects) }]
    }),
  )
}

/** Looks every `intervalMs` at what everybody watched may, with one query however many they are. */
export const createAccessWatch = (
  { em, clock, log }: Pick<Services, 'em' | 'clock' | 'log'>,
  intervalMs: number,
): AccessWatch => {
  const watched = new Map<string, Watched>()
  let looking = false

  const tell = (tokenId: string, why: LostAccess) => {
    const lost = watched.get(tokenId)
    watched.delete(tokenId)
    for (const listener of lost?.listeners ?? []) listener(why)
  }
  const look = async () => {
    const subjects = [...watched]
    if (subjects.length === 0) return
    const tokenIds = subjects.map(([tokenId]) => tokenId)
    const grants = await readGrants(em(), tokenIds, clock())
    for (const [tokenId, subject] of subjects) {
      // Who left and came again meanwhile is looked at next time.
      if (watched.get(tokenId) !== subject) continue
      const [held, now] = [await subject.grant, grants.get(tokenId)]
      const before = held && { ...held, everywhere: widerRole(held.everywhere, subject.came) }
      if (now === undefined) tell(tokenId, 'SIGNED_OUT')
      else if (before !== undefined && isNarrower(now, before)) tell(tokenId, 'NARROWED')
      else subject.grant = Promise.resolve(now)
    }
  }
  const lookAgain = () => {
    if (looking) return
    looking = true
    look()
      .catch((error: unknown) => log.warn({ error }, 'who is still allowed to listen could not be looked up'))
      .finally(() => {
        looking = false
      })
  }
  const timer = setInterval(lookAgain, intervalMs)

  return {
    async watch(viewer, onLost) {
      const { tokenId } = viewer
      const known: Watched = watched.get(tokenId) ?? {
        listeners: new Set(),
        grant: readGrants(em(), [tokenId], clock()).then((grants) => grants.get(tokenId)),
        came: null,
      }
      known.came = widerRole(known.came, globalRole(viewer))
      watched.set(tokenId, known)
      known.listeners.add(onLost)
      const stop = () => {
        known.listeners.delete(onLost)
        if (known.listeners.size === 0 && watched.get(tokenId) === known) watched.delete(tokenId)
      }
      try {
        await known.grant
      } catch (error) {
        stop()
        throw error
      }
      return stop
    },
    [Symbol.dispose]() {
      clearInterval(timer)
      watched.clear()
    },
  }
}
