import { emitKeypressEvents, type Key } from 'node:readline'
import { InterruptedError } from '../exit.ts'
import { truncate } from '../render/width.ts'
import type { Inputs } from './inputs.ts'

export interface ScreenOptions {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly inputs: Inputs
  /** Told of Ctrl-C, which is a key here and no signal. */
  readonly interrupt: (reason: Error) => void
}

/** The whole terminal, until it is disposed of: then it is as it was. */
export interface Screen extends Disposable {
  readonly columns: number
  readonly rows: number
  /** Shows these rows and nothing else; what is too long or too many is cut. */
  draw(rows: readonly string[]): void
  /** Gives the terminal to another program for a while. */
  lend<Value>(use: () => Promise<Value>): Promise<Value>
}

// The other screen, no cursor, and pasted text told apart from keys.
const enter = '\u001b[?1049h\u001b[?25l\u001b[?2004h'
const leave = '\u001b[?2004l\u001b[?25h\u001b[?1049l'

/** Takes the terminal. */
export const openScreen = ({ stdin, stdout, inputs, interrupt }: ScreenOptions): Screen => {
  let isTaken = false
  let isPasting = false
  const onKey = (text: string | undefined, key: Key) => {
    if (key.name === 'paste-start') isPasting = true
    else if (key.name === 'paste-end') isPasting = false
    else if (key.ctrl && key.name === 'c') interrupt(new InterruptedError())
    else if (!isPasting && !key.ctrl && (!key.meta || key.name === 'escape')) {
      // An upper-case letter is another key, which none is bound to: a stuck Caps Lock approves nothing.
      inputs.push({ kind: 'key', name: key.shift ? '' : (key.name ?? text ?? ''), text: text ?? '' })
    }
  }
  const onResize = () => inputs.push({ kind: 'resize' })
  const take = () => {
    isTaken = true
    stdin.setRawMode(true)
    stdin.resume()
    stdout.write(enter)
  }
  const giveBack = () => {
    if (!isTaken) return
    isTaken = false
    stdout.write(leave)
    stdin.setRawMode(false)
    stdin.pause()
  }
  emitKeypressEvents(stdin)
  stdin.on('keypress', onKey)
  stdout.on('resize', onResize)
  // However the process ends, short of a kill, the terminal is given back.
  process.on('exit', giveBack)
  take()
  return {
    get columns() {
      return Math.max(20, stdout.columns || 80)
    },
    get rows() {
      return Math.max(8, stdout.rows || 24)
    },
    draw(rows) {
      if (!isTaken) return
      const shown = rows.slice(0, this.rows).map((row) => `${truncate(row, this.columns)}\u001b[K`)
      stdout.write(`\u001b[H${shown.join('\r\n')}\u001b[J`)
    },
    async lend(use) {
      giveBack()
      try {
        return await use()
      } finally {
        take()
      }
    },
    [Symbol.dispose]() {
      giveBack()
      process.off('exit', giveBack)
      stdin.off('keypress', onKey)
      stdout.off('resize', onResize)
    },
  }
}
