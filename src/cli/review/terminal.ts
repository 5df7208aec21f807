import type { GraphQLClient } from '../graphql-client.ts'
import type { Style } from '../render/style.ts'
import type { Input, Inputs } from './inputs.ts'
import { type Binding, keyRows } from './keys.ts'
import { cutIntoRows } from './rows.ts'
import type { Screen } from './screen.ts'

/** A person at a screen, and the server that they ask. */
export interface Terminal {
  readonly client: GraphQLClient
  readonly screen: Screen
  readonly inputs: Inputs
  readonly style: Style
  /** Lets them write in their editor. */
  readonly write: () => Promise<string>
  /** Lets them change a text in it. */
  readonly edit: (text: string) => Promise<string>
  /** Why the screen may be out of date; null while the server answers. */
  connection: string | null
}

export interface Frame {
  readonly title: (height: number) => string
  /** The rows in the middle, at most so many. */
  readonly body: (height: number) => readonly string[]
  /** What is to be said now, visible and unstyled. */
  readonly note: string
  readonly keys: readonly Binding<string>[]
}

const maxNoteRows = 4

/** Draws a frame: title, body, what is to be said, and the keys, which are always to be seen. @returns the body's height */
export const drawFrame = ({ screen, style, connection }: Terminal, { title, body, note, keys }: Frame): number => {
  const { columns, rows } = screen
  const say = (words: string) => (words === '' ? [] : cutIntoRows(words, columns).slice(0, maxNoteRows))
  const said = [...say(connection ?? ''), ...say(note)].map(style.warn)
  const keyLines = keyRows(keys, style, columns)
  const below = [...said, ...keyLines].slice(-(rows - 2))
  const height = rows - 1 - below.length
  const middle = body(height).slice(0, height)
  const blank = Array.from({ length: height - middle.length }, () => '')
  screen.draw([style.strong(title(height)), ...middle, ...blank, ...below])
  return height
}

/** The next thing to react to; what it says of the connection is noted. */
export const nextInput = async (terminal: Terminal): Promise<Input> => {
  const input = await terminal.inputs.next()
  if (input.kind === 'connection') terminal.connection = input.words
  return input
}
