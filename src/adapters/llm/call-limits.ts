/** How long a call may take, in milliseconds. */
export interface CallLimits {
  /** The whole call, with all its attempts and the waits between them. */
  readonly callMs: number
  /** Without a byte from the provider. */
  readonly silenceMs: number
}

/** A long answer of a model that thinks takes minutes; both APIs send something every few seconds meanwhile. */
export const defaultCallLimits: CallLimits = { callMs: 600_000, silenceMs: 120_000 }
