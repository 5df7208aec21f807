/** How much may be under way at once, over all processes. */
export interface Bounds {
  /** Calls of models, per provider. */
  readonly providerCalls: number
  /** Calls of models, per project, over all providers. */
  readonly projectCalls: number
  /** Pieces of unfinished work, per project: what would make more is refused. */
  readonly projectWork: number
  /** The same over all projects. */
  readonly work: number
}

/** More than a small installation ever has. */
export const defaultBounds: Bounds = { providerCalls: 64, projectCalls: 32, projectWork: 2_000, work: 20_000 }
