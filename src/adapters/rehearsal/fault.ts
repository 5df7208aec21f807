import type { Turn } from './script.ts'
import type { Frame } from './wire.ts'

/** What goes wrong with a call, or what is answered in place of the script. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string; readonly message?: string }
  /** Half of the answer, and then a lost connection, an end as if it were whole, or nothing more. */
  | { readonly kind: 'cut'; readonly end?: 'break' | 'close' | 'hang' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'error-event'; readonly type: string; readonly message: string }
  | { readonly kind: 'hang' }
  | { readonly kind: 'answer'; readonly turn: Turn }

/** What is sent in answer to a call. */
export interface Sending {
  readonly frames: readonly (Frame | string)[]
  /** What becomes of the connection after the last frame. */
  readonly end: 'close' | 'break' | 'hang'
}

/** The frames as a fault leaves them: it strikes half-way. */
export function sendingWith(
  fault: Fault | undefined,
  frames: readonly Frame[],
  errorEvent: (type: string, message: string) => Frame,
): Sending {
  const half = frames.slice(0, Math.ceil(frames.length / 2))
  if (fault?.kind === 'cut') return { frames: half, end: fault.end ?? 'break' }
  if (fault?.kind === 'malformed')
    return { frames: [...half, 'event: message_delta\ndata: {"type":"mess\n\n'], end: 'close' }
  if (fault?.kind === 'error-event') return { frames: [...half, errorEvent(fault.type, fault.message)], end: 'close' }
  return { frames, end: 'close' }
}
