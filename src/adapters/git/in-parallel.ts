/** Many small pieces of input and output at a time, but not all: each may hold a file's content. */

const width = 16

/** When one piece of work fails no more are begun, and none is under way once this settles. */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  const faults: unknown[] = []
  const worker = async () => {
    for (const item of queue) {
      if (faults.length > 0) return
      try {
        await work(item)
      } catch (error) {
        faults.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  if (faults.length > 0) throw faults[0]
}
