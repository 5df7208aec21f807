/** The long-lived readers of the repositories in use: one each, closed when idle, bounded in number. */

import { type CatFile, CatFileEndedError, type ObjectHeader, type ReadObject, startCatFile } from './cat-file.ts'
import type { GitRunnerOptions } from './run-git.ts'

interface ObjectReaders {
  info(repository: string, name: string): Promise<ObjectHeader | null>
  contents(repository: string, name: string): Promise<ReadObject | null>
  /** Ends the reader of a repository that is about to be replaced or removed. */
  drop(repository: string): Promise<void>
  dropAll(): Promise<void>
}

interface Slot {
  readonly process: CatFile
  idle: NodeJS.Timeout | undefined
}

/**
 * @param limits.idleMs a reader without a question for so long is ended
 * @param limits.open more readers than this are open only while all of them are busy
 */
export function createObjectReaders(
  options: GitRunnerOptions,
  limits: { readonly idleMs: number; readonly open: number },
): ObjectReaders {
  // In the order of last use, the longest unused first.
  const slots = new Map<string, Slot>()

  const close = async (repository: string, slot: Slot) => {
    clearTimeout(slot.idle)
    if (slots.get(repository) === slot) slots.delete(repository)
    await slot.process.end()
  }

  const open = (repository: string): Slot => {
    const known = slots.get(repository)
    slots.delete(repository)
    const slot =
      known && !known.process.hasEnded ? known : { process: startCatFile(options, repository), idle: undefined }
    if (known && known !== slot) clearTimeout(known.idle)
    slots.set(repository, slot)
    for (const [other, candidate] of slots) {
      if (slots.size <= limits.open) break
      if (candidate !== slot && !candidate.process.isBusy) void close(other, candidate)
    }
    return slot
  }

  const ask = async <T>(repository: string, question: (process: CatFile) => Promise<T>): Promise<T> => {
    const slot = open(repository)
    clearTimeout(slot.idle)
    try {
      return await question(slot.process)
    } finally {
      if (!slot.process.isBusy && !slot.process.hasEnded) {
        clearTimeout(slot.idle)
        slot.idle = setTimeout(() => void close(repository, slot), limits.idleMs)
      }
    }
  }

  /** Reading twice does no harm, so a reader that died is replaced once. */
  const askTwice = async <T>(repository: string, question: (process: CatFile) => Promise<T>): Promise<T> => {
    try {
      return await ask(repository, question)
    } catch (error) {
      if (!(error instanceof CatFileEndedError)) throw error
      return await ask(repository, question)
    }
  }

  return {
    info: (repository, name) => askTwice(repository, (process) => process.info(name)),
    contents: (repository, name) => askTwice(repository, (process) => process.contents(name)),
    async drop(repository) {
      const slot = slots.get(repository)
      if (slot) await close(repository, slot)
    },
    async dropAll() {
      await Promise.all([...slots].map(([repository, slot]) => close(repository, slot)))
    },
  }
}
