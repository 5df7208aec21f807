import type { Frame } from './wire.ts'

/** What an API answers in one piece to a request without `stream`: what its stream would have added up to. */
export type WholeAnswer = (frames: readonly Frame[]) => Readonly<Record<string, unknown>>

type Fields = Record<string, unknown>

/** The response that a stream of the Responses API ends with. */
export const openAiWhole: WholeAnswer = (frames) => frames.at(-1)?.data.response as Fields

/** The message that a stream of the Messages API writes, block by block. */
export const anthropicWhole: WholeAnswer = (frames) => {
  let message: Fields = {}
  const content: Fields[] = []
  const append = (block: Fields, name: string, piece: unknown) => {
    block[name] = `${block[name] ?? ''}${piece}`
  }
  for (const { data } of frames) {
    const block = content[Number(data.index)]
    if (data.type === 'message_start') message = { ...(data.message as Fields) }
    if (data.type === 'content_block_start') content.push({ ...(data.content_block as Fields) })
    if (data.type === 'content_block_delta' && block) {
      const { type: _, ...delta } = data.delta as Fields
      for (const [name, piece] of Object.entries(delta)) append(block, name, piece)
    }
    if (data.type === 'content_block_stop' && block && typeof block.partial_json === 'string') {
      const { partial_json: text, ...rest } = block
      content[Number(data.index)] = { ...rest, input: JSON.parse(text || '{}') }
    }
    if (data.type === 'message_delta') {
      Object.assign(message, data.delta, { usage: { ...(message.usage as Fields), ...(data.usage as Fields) } })
    }
  }
  return { ...message, content }
}
