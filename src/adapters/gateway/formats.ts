import { anthropicMessages } from './anthropic-messages.ts'
import { openAiChat } from './openai-chat.ts'
import { openAiFault } from './openai-error.ts'
import { openAiResponses } from './openai-responses.ts'
import type { WireFormat } from './wire.ts'

const formats: readonly WireFormat[] = [openAiResponses, openAiChat, anthropicMessages]

/** What a path asks for; undefined for everything that the gateway does not do. */
export const formatOf = (path: string): WireFormat | undefined => formats.find((format) => format.path === path)

/** What is said about a path that the gateway does not have, as whoever asked for it understands it. */
export const notOffered = (path: string): ReturnType<WireFormat['error']> => {
  const error = path.startsWith(anthropicMessages.path) ? anthropicMessages.error : openAiFault
  return error('NOT_FOUND', `This gateway takes POST to ${formats.map((format) => format.path).join(', ')} alone.`)
}
