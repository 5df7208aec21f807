import { type Carried, startConnectionProxy } from '../support/connection-proxy.ts'

export type Cut = 'before the server hears of it' | 'before its answer is heard'

/** Stands before a database server, and can lose a connection at the very moment of a commit or rollback. */
export interface CuttingProxy extends AsyncDisposable {
  /** The URL that it was made for, by way of the proxy. */
  readonly url: string
  /**
   * At the next commit or rollback, whoever sends it.
   * @param isDown also every later connection
   * @param refused told of each of those
   */
  cut(moment: Cut, isDown: boolean, refused?: () => void): void
}

/** @param connecting done before each connection is made */
export const startCuttingProxy = async (
  target: string,
  connecting: () => Promise<void> = async () => {},
): Promise<CuttingProxy> => {
  const deaf = new WeakSet<Carried>()
  let next: { readonly moment: Cut; readonly isDown: boolean; readonly refused: () => void } | null = null
  let refuse: (() => void) | null = null
  const proxy = await startConnectionProxy(target, {
    connecting,
    takes() {
      refuse?.()
      return refuse === null
    },
    passes(data, connection) {
      if (next === null || !(data.includes('commit\0') || data.includes('rollback\0'))) return true
      deaf.add(connection)
      if (next.isDown) refuse = next.refused
      const { moment } = next
      next = null
      return moment !== 'before the server hears of it'
    },
    returns: (connection) => !deaf.has(connection),
  })
  return {
    url: proxy.url,
    cut(moment, isDown, refused = () => {}) {
      next = { moment, isDown, refused }
    },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  }
}
