import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'

export interface PseudoTerminal extends AsyncDisposable {
  /** Types keys. */
  type(keys: string): void
  resize(rows: number, columns: number): void
  /** The rows that are to be seen, where the program draws whole screens. */
  screen(): readonly string[]
  /** All that was ever written to it, without styles. */
  readonly written: string
  /** All that was ever written to it. */
  readonly raw: string
  /** Waits for a screen, or for words in all that was written. @throws Error with the screen when the program ends before */
  until(what: string, matches: (terminal: PseudoTerminal) => boolean): Promise<void>
  /** Waits for the program's end. */
  ended(): Promise<{ readonly exitCode: number | null; readonly isRestored: boolean }>
}

export interface PseudoTerminalOptions {
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly rows?: number
  readonly columns?: number
}

// Long enough for a busy machine; nothing waits for it but a test that fails.
const longestMs = 30_000
const script = fileURLToPath(new URL('pseudo-terminal.py', import.meta.url))

/** Python opens the terminals; without it there are none. */
export const hasTerminals = spawnSync('python3', ['-I', '-S', '-c', 'import pty']).status === 0

/** Runs a command on a terminal of its own. */
export const startPseudoTerminal = ({
  command,
  env,
  rows = 24,
  columns = 80,
}: PseudoTerminalOptions): PseudoTerminal => {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const child = spawn('python3', [script, String(rows), String(columns), ...command], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    env: { PATH, NODE_COMPILE_CACHE, TERM: 'xterm', HOME: '/nonexistent', ...env },
  })
  const [stdin, stdout, stderr, sizes] = child.stdio
  if (!stdin || !stdout || !stderr || !sizes || !('write' in sizes)) throw new Error('unreachable')
  let raw = ''
  let said = ''
  stdout.setEncoding('utf8').on('data', (text: string) => {
    raw += text
  })
  stderr.on('data', (text: Buffer) => {
    said += text
  })
  stdin.on('error', () => {})
  const closed = once(child, 'close')
  const terminal: PseudoTerminal = {
    type: (keys) => void stdin.write(keys),
    resize: (newRows, newColumns) => void sizes.write(`${newRows} ${newColumns}\n`),
    screen() {
      const end = raw.lastIndexOf('\u001b[J')
      const start = raw.lastIndexOf('\u001b[H', end)
      return stripVTControlCharacters(raw.slice(start + 3, end)).split(/\r+\n/)
    },
    get written() {
      return stripVTControlCharacters(raw).replaceAll(/\r+\n/g, '\n')
    },
    get raw() {
      return raw
    },
    async until(what, matches) {
      const late = AbortSignal.timeout(longestMs)
      while (!matches(terminal)) {
        const isOver = await Promise.race([
          once(stdout, 'data', { signal: late }).then(
            () => false,
            () => true,
          ),
          closed.then(() => true),
        ])
        if (!isOver || matches(terminal)) continue
        const last = terminal.screen().join('\n')
        throw new Error(
          `It did not come to this: ${what}. The last screen:\n${last}\n${said}\n${terminal.written.slice(-2_000)}`,
        )
      }
    },
    async ended() {
      const [exitCode] = await closed
      return { exitCode, isRestored: said.includes('restored') && !said.includes('not restored') }
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) stdin.end('\u0003')
      await closed
    },
  }
  return terminal
}
