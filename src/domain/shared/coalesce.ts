/** Runs one at a time: several calls while one is on its way become one more after it. */
export const coalesce = (act: () => Promise<void>): (() => void) => {
  let running = false
  let again = false
  const run = () => {
    if (running) {
      again = true
      return
    }
    running = true
    void act().finally(() => {
      running = false
      if (again) {
        again = false
        run()
      }
    })
  }
  return run
}
