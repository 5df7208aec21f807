import { createStyle, type Style } from './render/style.ts'
import { jsonLine } from './render/visible-text.ts'
import { truncate } from './render/width.ts'

/** A stream that may be a terminal. */
export interface OutputStream {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
  hasColors?(): boolean
}

export interface OutputOptions {
  readonly json: boolean
  readonly quiet: boolean
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly stdin: { readonly isTTY?: boolean }
  /** False where something else writes to the terminal as well, so that nothing can be redrawn in place. */
  readonly canRedraw?: boolean
}

/** Where a command's words go: a terminal, plain lines, or JSON lines for a script. */
export interface Output {
  readonly mode: 'terminal' | 'plain' | 'json'
  /** Progress is not to be shown, only what it came to. */
  readonly quiet: boolean
  readonly style: Style
  /** How wide a line may be. */
  readonly columns: number
  /** Whether a person is there to answer. */
  readonly canAsk: boolean
  /** For people: nothing in JSON mode. The text must be visible text already. */
  print(text: string): void
  /** For scripts: one line, in JSON mode only. */
  json(value: { readonly type: string } & Readonly<Record<string, unknown>>): void
  /** For people in any mode, on stderr. */
  warn(text: string): void
  /** Lines that are redrawn in place below what is printed; none takes them away. Nothing but on a terminal. */
  live(lines: readonly string[]): void
}

const widest = 100
const plainColumns = 80

export const createOutput = (options: OutputOptions): Output => {
  const { stdout, stderr, stdin } = options
  const isTerminal = stdout.isTTY === true
  const mode = options.json ? 'json' : isTerminal && (options.canRedraw ?? true) ? 'terminal' : 'plain'
  const columns = () => (isTerminal ? Math.max(20, Math.min(stdout.columns ?? plainColumns, widest)) : plainColumns)
  let shown: readonly string[] = []

  const erase = () => {
    if (shown.length > 0) stdout.write(`\u001b[${shown.length}A\r\u001b[0J`)
  }
  const draw = (lines: readonly string[]) => {
    shown = lines
    if (lines.length > 0) stdout.write(`${lines.join('\n')}\n`)
  }
  // A line that wraps, or more lines than there are rows, could not be taken back.
  const fitted = (lines: readonly string[]) =>
    lines.slice(-Math.max(1, (stdout.rows ?? 24) - 2)).map((line) => truncate(line, columns() - 1))

  return {
    mode,
    quiet: options.quiet,
    style: createStyle(isTerminal && !options.json && (stdout.hasColors?.() ?? false)),
    get columns() {
      return columns()
    },
    canAsk: isTerminal && stdin.isTTY === true && !options.json,
    print(text) {
      if (mode === 'json') return
      const lines = shown
      erase()
      shown = []
      stdout.write(`${text}\n`)
      draw(lines)
    },
    json(value) {
      if (mode === 'json') stdout.write(`${jsonLine(value)}\n`)
    },
    warn(text) {
      const lines = shown
      erase()
      shown = []
      stderr.write(`${text}\n`)
      draw(lines)
    },
    live(lines) {
      if (mode !== 'terminal' || (shown.length === 0 && lines.length === 0)) return
      const next = fitted(lines)
      if (next.length === shown.length && next.every((line, index) => line === shown[index])) return
      erase()
      draw(next)
    },
  }
}
