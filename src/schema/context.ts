import { createStandings, type Standings } from '../domain/actor/standings.ts'
import type { Viewer } from '../domain/actor/viewer.ts'
import type { EventFeed } from '../domain/ports/event-feed.ts'
import type { Services } from '../domain/shared/services.ts'
import { createLoaders, type Loaders } from './loaders.ts'

/** What every resolver gets: who asks, and what answers. */
export interface GraphQLContext {
  readonly viewer: Viewer
  readonly services: Services
  readonly feed: EventFeed
  /** What those who listen still may. */
  readonly standings: Standings
  readonly version: string
  /** Answers whether a component works; the same that /readyz asks. */
  readonly health: () => Promise<readonly ComponentHealth[]>
  /** Rows, batched and kept for one reading of the state. */
  load: Loaders
  /** Forgets what was read: after a change, and for each event of a subscription. */
  startOver(): Loaders
}

export interface ComponentHealth {
  readonly name: string
  readonly ok: boolean
  /** Whether the process that was asked cannot do its own work without it. */
  readonly isNeeded: boolean
  readonly detail: string | null
  readonly latencyMs: number
}

/** @param parts without `standings` what somebody may is looked up for them alone */
export const createGraphQLContext = (
  parts: Omit<GraphQLContext, 'load' | 'startOver' | 'standings'> & Partial<Pick<GraphQLContext, 'standings'>>,
): GraphQLContext => {
  const load = () => createLoaders(parts.services, parts.viewer)
  const context: GraphQLContext = {
    ...parts,
    standings: parts.standings ?? createStandings(parts.services, 0),
    load: load(),
    startOver() {
      context.load = load()
      return context.load
    },
  }
  return context
}
