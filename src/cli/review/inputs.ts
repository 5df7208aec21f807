/** What a reviewer's terminal reacts to. */
export type Input =
  | { readonly kind: 'key'; readonly name: string; readonly text: string }
  | { readonly kind: 'resize' }
  /** Of a diff, or of anything when it is null. */
  | { readonly kind: 'changed'; readonly diffId: string | null }
  /** The words about the connection; null once it is there. */
  | { readonly kind: 'connection'; readonly words: string | null }

/** Inputs in the order in which they come, for whoever is asking. */
export interface Inputs {
  push(input: Input): void
  /** @throws the signal's reason once it is aborted */
  next(): Promise<Input>
}

/** @param signal ends the waiting */
export const createInputs = (signal: AbortSignal): Inputs => {
  const waiting: Input[] = []
  let wake: () => void = () => {}
  signal.addEventListener('abort', () => wake(), { once: true })
  return {
    push(input) {
      // Many changes of one diff are one reason to look at it again.
      const isKnown = ({ kind, ...rest }: Input) =>
        kind === 'changed' && input.kind === 'changed' && 'diffId' in rest && rest.diffId === input.diffId
      if (!waiting.some(isKnown)) waiting.push(input)
      wake()
    },
    async next() {
      for (;;) {
        signal.throwIfAborted()
        const input = waiting.shift()
        if (input) return input
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}
