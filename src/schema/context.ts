import { createStandings, type Standings } from '../domain/actor/standings.ts'
import type { Viewer } from '../domain/actor/viewer.ts'
import type { EventFeed } from '../domain/ports/event-feed.ts'
import type { Services } from '../domain/shared/services.ts'
import type { Asking } from './asked-fields.ts'
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
  /** What rows are read for; is told when the document is known. */
  readonly asking: Asking
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
  parts: Omit<GraphQLContext, 'asking' | 'load' | 'startOver' | 'standings'> &
    Partial<Pick<GraphQLContext, 'standings'>>,
): GraphQLContext => {
  const asking: Asking = {}
  const load = () => createLoaders(parts.services, parts.viewer, asking)
  return {
    ...parts,
    standings: parts.standings ?? createStandings(parts.services, 0),
    asking,
    load: load(),
    // Of the object that it is asked of: the GraphQL server copies what is here into its own.
    startOver() {
      this.load = load()
      return this.load
    },
  }
}
