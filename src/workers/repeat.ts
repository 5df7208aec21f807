/**
 * Does something at once and then on a timer, never beside itself. What fails is told and done again at the next turn.
 * Disposing waits for what is under way.
 */
export const repeat = (
  work: () => Promise<unknown>,
  everyMs: number,
  onFault: (error: unknown) => void,
): AsyncDisposable => {
  let running: Promise<unknown> | undefined
  const look = () => {
    running ??= work()
      .catch(onFault)
      .finally(() => {
        running = undefined
      })
  }
  const timer = setInterval(look, everyMs)
  look()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await running
    },
  }
}
