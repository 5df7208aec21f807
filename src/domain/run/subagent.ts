import type { Provider } from '../ports/model-provider.ts'

/** Who is asked: a provider, and how. */
export interface Subagent {
  readonly provider: Provider
  /** Null: the provider's configured default. */
  readonly model: string | null
  readonly label: string | null
  /** Appended to the role's own instructions. */
  readonly instructions: string | null
}
