import type { Style } from '../render/style.ts'
import { widthOf } from '../render/width.ts'

export type QueueCommand = 'up' | 'down' | 'open' | 'reload' | 'quit'
export type ReadCommand =
  | 'lineDown'
  | 'lineUp'
  | 'pageDown'
  | 'pageUp'
  | 'next'
  | 'previous'
  | 'first'
  | 'approve'
  | 'reject'
  | 'comment'
  | 'mark'
  | 'message'
  | 'keep'
  | 'rebase'
  | 'test'
  | 'commit'
  | 'reload'
  | 'back'

/** A key that does something. */
export interface Binding<Command> {
  readonly command: Command
  /** As node:readline names keys; the first one is shown. */
  readonly keys: readonly string[]
  readonly shown: string
  readonly words: string
}

export const queueKeys: readonly Binding<QueueCommand>[] = [
  { command: 'down', keys: ['j', 'down'], shown: 'j', words: 'down' },
  { command: 'up', keys: ['k', 'up'], shown: 'k', words: 'up' },
  { command: 'open', keys: ['return', 'enter', 'o'], shown: 'Enter', words: 'read' },
  { command: 'reload', keys: ['r'], shown: 'r', words: 'reload' },
  { command: 'quit', keys: ['q'], shown: 'q', words: 'quit' },
]

export const readKeys: readonly Binding<ReadCommand>[] = [
  { command: 'approve', keys: ['a'], shown: 'a', words: 'approve' },
  { command: 'reject', keys: ['x'], shown: 'x', words: 'reject' },
  { command: 'comment', keys: ['c'], shown: 'c', words: 'comment' },
  { command: 'mark', keys: ['v'], shown: 'v', words: 'file reviewed' },
  { command: 'keep', keys: ['h'], shown: 'h', words: 'keep hunks' },
  { command: 'rebase', keys: ['u'], shown: 'u', words: 'to the head' },
  { command: 'message', keys: ['e'], shown: 'e', words: 'edit message' },
  { command: 'test', keys: ['t'], shown: 't', words: 'run tests' },
  { command: 'commit', keys: ['m'], shown: 'm', words: 'commit' },
  { command: 'pageDown', keys: ['space', 'pagedown'], shown: 'Space', words: 'on' },
  { command: 'pageUp', keys: ['b', 'pageup'], shown: 'b', words: 'back' },
  { command: 'lineDown', keys: ['j', 'down'], shown: 'j', words: 'line down' },
  { command: 'lineUp', keys: ['k', 'up'], shown: 'k', words: 'line up' },
  { command: 'next', keys: ['n', 'right'], shown: 'n', words: 'next part' },
  { command: 'previous', keys: ['p', 'left'], shown: 'p', words: 'part before' },
  { command: 'first', keys: ['o', 'home'], shown: 'o', words: 'overview' },
  { command: 'reload', keys: ['r'], shown: 'r', words: 'reload' },
  { command: 'back', keys: ['q'], shown: 'q', words: 'leave' },
]

/** What a key does; undefined for one that does nothing. */
export const commandOf = <Command>(bindings: readonly Binding<Command>[], key: string): Command | undefined =>
  bindings.find(({ keys }) => keys.includes(key))?.command

/** All keys with what they do, in as many rows as it takes. */
export const keyRows = (bindings: readonly Binding<string>[], style: Style, columns: number): readonly string[] => {
  const rows: string[] = []
  let row = ''
  for (const { shown, words } of bindings) {
    const item = `${style.strong(shown)} ${words}`
    if (row !== '' && widthOf(row) + widthOf(item) + 2 > columns) {
      rows.push(row)
      row = item
    } else row += row === '' ? item : `  ${item}`
  }
  return [...rows, row]
}
