import type { ConversationMessage } from '../../domain/ports/model-provider.ts'
import type { SpanContent } from '../../domain/ports/tracer.ts'
import type { Redact } from '../../domain/shared/redact-secrets.ts'
import { finishReasons } from './attributes.ts'

// Receivers refuse spans of megabytes. Each text is cut by itself, so that the JSON around it stays whole.
const maxMessages = 30
const maxCharacters = 8_000

/** Secrets are taken out before anything is cut: half of one is found by nobody. */
const shown =
  (redact: Redact) =>
  (text: string): string => {
    const safe = redact(text).toWellFormed()
    return safe.length <= maxCharacters
      ? safe
      : `${safe.slice(0, maxCharacters).toWellFormed()}[cut: ${safe.length - maxCharacters} more]`
  }

const textPart = (content: string, show: Redact) => ({ type: 'text', content: show(content) })

const toSaid = ({ text, toolUses }: Extract<ConversationMessage, { role: 'assistant' }>, show: Redact) => {
  const uses = toolUses.map(({ id, name, argumentsText }) => ({
    type: 'tool_call',
    id: show(id),
    name: show(name),
    arguments: show(argumentsText),
  }))
  return { role: 'assistant', parts: [...(text === '' ? [] : [textPart(text, show)]), ...uses] }
}

/** A message in the form of OpenTelemetry's `gen_ai.input.messages`; each tool's answer is one by itself. */
const toMessages = (message: ConversationMessage, show: Redact): readonly object[] => {
  if (message.role === 'user') return [{ role: 'user', parts: [textPart(message.text, show)] }]
  if (message.role === 'assistant') return [toSaid(message, show)]
  return message.outcomes.map(({ toolUseId, text }) => ({
    role: 'tool',
    parts: [{ type: 'tool_call_response', id: show(toolUseId), response: show(text) }],
  }))
}

/** What was written as attributes. Of a conversation the newest messages: the others are with the calls before. */
export const contentAttributes = (
  { system, messages, answer, argumentsText, result }: SpanContent,
  redact: Redact,
): Record<string, string> => {
  const show = shown(redact)
  const found: Record<string, string> = {}
  if (system !== undefined) found['gen_ai.system_instructions'] = JSON.stringify([textPart(system, show)])
  if (messages !== undefined) {
    found['gen_ai.input.messages'] = JSON.stringify(
      messages.slice(-maxMessages).flatMap((message) => toMessages(message, show)),
    )
  }
  if (answer !== undefined) {
    const said = { ...toSaid(answer.turn, show), finish_reason: finishReasons[answer.stop] }
    found['gen_ai.output.messages'] = JSON.stringify([said])
  }
  if (argumentsText !== undefined) found['gen_ai.tool.call.arguments'] = show(argumentsText)
  if (result !== undefined) found['gen_ai.tool.call.result'] = show(result)
  return found
}
