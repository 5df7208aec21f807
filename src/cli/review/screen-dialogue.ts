import type { Input } from './inputs.ts'
import type { Binding } from './keys.ts'
import type { Dialogue } from './perform.ts'
import { nextInput, type Terminal } from './terminal.ts'

const confirmKeys: readonly Binding<'yes' | 'no'>[] = [
  { command: 'yes', keys: ['y'], shown: 'y', words: 'yes' },
  { command: 'no', keys: ['n', 'q', 'escape'], shown: 'n', words: 'no' },
]
const lineKeys: readonly Binding<'done' | 'leave'>[] = [
  { command: 'done', keys: ['return', 'enter'], shown: 'Enter', words: 'done' },
  { command: 'leave', keys: ['escape'], shown: 'Esc', words: 'leave' },
]

/**
 * Asks below what is shown.
 * @param show draws the frame with these words and keys
 */
export const createScreenDialogue = (
  terminal: Terminal,
  show: (words: string, keys: readonly Binding<string>[]) => void,
): Dialogue => {
  /** Draws and reads keys until one answers; what else happens meanwhile is left for later. */
  const ask = async <Answer>(
    words: () => string,
    keys: readonly Binding<string>[],
    answer: (key: Extract<Input, { kind: 'key' }>) => Answer | undefined,
  ): Promise<Answer> => {
    const later: Input[] = []
    try {
      for (;;) {
        show(words(), keys)
        const input = await nextInput(terminal)
        if (input.kind === 'changed') later.push(input)
        if (input.kind !== 'key') continue
        const given = answer(input)
        if (given !== undefined) return given
      }
    } finally {
      for (const input of later) terminal.inputs.push(input)
    }
  }
  return {
    confirm: (question) =>
      ask(
        () => question,
        confirmKeys,
        ({ name }) => (name === 'y' ? true : confirmKeys[1]?.keys.includes(name) ? false : undefined),
      ),
    async line(question) {
      let typed = ''
      const { answer } = await ask(
        () => `${question}${typed}_`,
        lineKeys,
        ({ name, text }) => {
          if (name === 'return' || name === 'enter') return { answer: typed.trim() }
          if (name === 'escape') return { answer: null }
          if (name === 'backspace') typed = [...typed].slice(0, -1).join('')
          else if (/^[^\p{Cc}\p{Cf}]+$/u.test(text)) typed += text
          return undefined
        },
      )
      return answer
    },
    write: () => terminal.screen.lend(terminal.write),
    edit: (text) => terminal.screen.lend(() => terminal.edit(text)),
  }
}
