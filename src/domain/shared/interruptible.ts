/**
 * An async generator that ends as soon as its reader leaves. By itself, a generator that waits hears of `return` only
 * when what it waits for has come; this one is told at once, by its signal.
 */
export const interruptible = <Item>(start: (signal: AbortSignal) => AsyncGenerator<Item>): AsyncGenerator<Item> => {
  const stop = new AbortController()
  const items = start(stop.signal)
  return {
    next: () => items.next(),
    return: (value) => {
      stop.abort()
      return items.return(value)
    },
    throw: (error) => {
      stop.abort()
      return items.throw(error)
    },
    [Symbol.asyncIterator]() {
      return this
    },
    async [Symbol.asyncDispose]() {
      await this.return(undefined)
    },
  }
}
