import { setTimeout as delay } from 'node:timers/promises'

export interface BackupOptions {
  /** An empty directory. */
  readonly directory: string
  readonly withSecrets: boolean
  readonly signal: AbortSignal
  /** Told what is being done, in a few words. */
  readonly progress: (words: string) => void
}

const againMs = 500

/** Asks again and again; the words are told once, when there is something to wait for. */
export const waitUntil = async (
  isSo: () => Promise<boolean>,
  words: string,
  { progress, signal }: Pick<BackupOptions, 'progress' | 'signal'>,
): Promise<void> => {
  for (let tries = 0; !(await isSo()); tries += 1) {
    if (tries === 0) progress(words)
    // Ends early when the signal is aborted, which is seen then.
    await delay(againMs, undefined, { signal }).catch(() => {})
    signal.throwIfAborted()
  }
}
