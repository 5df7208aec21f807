import { createBoundedOutput } from './bounded-output.ts'

const TELL_MS = 500

/** What setup commands write, both streams as they come, with a heading for each command. */
export interface SetUpLog extends Disposable {
  add(chunk: Buffer | string): void
  /** A line of our own, set off from what came before. */
  note(line: string): void
  text(): string
}

/** Keeps the head and the tail of a log, and tells it now and then while it grows. */
export function createSetUpLog(limitBytes: number, tell: (log: string) => void): SetUpLog {
  const output = createBoundedOutput(limitBytes)
  let hasGrown = false
  let isAtLineStart = true
  const add = (chunk: Buffer | string) => {
    const bytes = Buffer.from(chunk)
    if (bytes.length === 0) return
    output.add(bytes)
    isAtLineStart = bytes.at(-1) === 0x0a
    hasGrown = true
  }
  const timer = setInterval(() => {
    if (!hasGrown) return
    hasGrown = false
    tell(output.text().text)
  }, TELL_MS)
  return {
    add,
    note: (line) => add(`${isAtLineStart ? '' : '\n'}${line}\n`),
    text: () => output.text().text,
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

/** A command as a person would type it. */
export function shownCommand(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(' ')
}
