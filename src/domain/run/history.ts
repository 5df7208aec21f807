import { z } from 'zod'
import type { ConversationMessage } from '../ports/model-provider.ts'
import { messageRoles } from '../session/message.entity.ts'
import { fenceData } from '../shared/fence-data.ts'
import { prose } from '../shared/validate.ts'

const maxCharacters = 500_000

/** What was said before a run, as a caller gives it. */
export const historyInput = z
  .array(z.object({ role: z.enum(messageRoles), text: prose(100_000) }))
  .max(200, 'must have at most 200 messages')
  .refine((all) => all.reduce((sum, { text }) => sum + text.length, 0) <= maxCharacters, {
    message: `must have at most ${maxCharacters} characters in all`,
  })
  .refine((all) => all.length === 0 || all[0]?.role === 'USER', { message: 'must begin with a message of the USER' })
type History = z.output<typeof historyInput>

/** The same in turns: what several said to the coder in a row is one turn, and what the evaluator said is marked. */
export const toConversation = (history: History): readonly ConversationMessage[] => {
  const turns: { role: 'user' | 'assistant'; text: string }[] = []
  for (const { role, text } of history) {
    const said = role === 'EVALUATOR' ? fenceData('evaluation', text) : text
    const turn = role === 'CODER' ? 'assistant' : 'user'
    const last = turns.at(-1)
    if (last?.role === turn) last.text += `\n\n${said}`
    else turns.push({ role: turn, text: said })
  }
  return turns.map(({ role, text }) => (role === 'user' ? { role, text } : { role, text, toolUses: [] }))
}

/** Adds what a person says now: to what they said last, if nobody has answered it. */
export const sayNext = (
  history: readonly ConversationMessage[],
  message: string,
): { history: readonly ConversationMessage[]; message: string } => {
  const last = history.at(-1)
  if (last?.role !== 'user') return { history, message }
  return { history: history.slice(0, -1), message: `${last.text}\n\n${message}` }
}
