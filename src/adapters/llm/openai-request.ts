import { createHash } from 'node:crypto'
import type {
  FunctionTool,
  ResponseCreateParamsStreaming,
  ResponseInputItem,
} from 'openai/resources/responses/responses'
import { z } from 'zod'
import type { ConversationMessage, ModelRequest } from '../../domain/ports/model-provider.ts'

/** Reasoning can be read again only by the model that wrote it, so its name is kept with the items. */
const openAiNative = z.object({
  model: z.string(),
  output: z.array(z.looseObject({ type: z.enum(['reasoning', 'message', 'function_call']) })),
})

/** Only models that reason may be asked for encrypted reasoning; others answer 400. */
const reasoningModel = /^(gpt-[5-9](?!.*chat)|o[1-9]|codex-|rehearsal-openai)/

/** The neutral request as the Responses API takes it. Nothing is stored at the provider. */
export function toResponsesRequest(request: ModelRequest): ResponseCreateParamsStreaming {
  return {
    model: request.model,
    instructions: request.system,
    input: request.messages.flatMap((message) => toInputItems(message, request.model)),
    max_output_tokens: request.maxOutputTokens,
    store: false,
    stream: true,
    ...(reasoningModel.test(request.model) && { include: ['reasoning.encrypted_content' as const] }),
    ...(request.tools.length > 0 && {
      prompt_cache_key: cacheKeyOf(request),
      parallel_tool_calls: true,
      tools: request.tools.map(
        (tool): FunctionTool => ({
          type: 'function',
          name: tool.name,
          description: tool.description,
          parameters: { ...tool.parameters },
          strict: true,
        }),
      ),
    }),
    ...(request.structured && {
      text: {
        format: {
          type: 'json_schema' as const,
          name: request.structured.name,
          schema: { ...request.structured.schema },
          strict: true,
        },
      },
    }),
  }
}

/**
 * Leads all turns of a conversation to the same cache. The latest message is where the API itself ends what it caches,
 * so no breakpoints of ours are needed. A single question has no second turn, and no key.
 */
function cacheKeyOf(request: ModelRequest): string {
  const beginning = JSON.stringify([request.model, request.system, request.tools, request.messages[0] ?? null])
  return createHash('sha256').update(beginning).digest('hex')
}

function toInputItems(message: ConversationMessage, model: string): ResponseInputItem[] {
  if (message.role === 'user') return [{ role: 'user', content: message.text }]
  if (message.role === 'tool') {
    return message.outcomes.map((outcome) => ({
      type: 'function_call_output',
      call_id: outcome.toolUseId,
      output: outcome.text,
    }))
  }
  if (message.native?.provider === 'OPENAI') {
    const native = openAiNative.safeParse(message.native.items)
    if (native.success && native.data.model === model) return native.data.output as unknown as ResponseInputItem[]
  }
  const calls = message.toolUses.map((use) => ({
    type: 'function_call' as const,
    call_id: use.id,
    name: use.name,
    arguments: use.argumentsText,
  }))
  return message.text === '' ? calls : [{ role: 'assistant', content: message.text }, ...calls]
}
