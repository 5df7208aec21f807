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

/** What a candidate is called: as it was named, or by its place: A, B, ... Z, then C27, C28, ... */
export const labelOf = ({ label }: { readonly label: string | null }, position: number): string =>
  label ?? (position < 26 ? String.fromCharCode(65 + position) : `C${position + 1}`)
