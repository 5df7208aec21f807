import { createAnthropicProvider } from '../../src/adapters/llm/anthropic.ts'
import { defaultModels } from '../../src/adapters/llm/default-models.ts'
import { createOpenAiProvider } from '../../src/adapters/llm/openai.ts'
import type { ProviderOptions } from '../../src/adapters/llm/provider-options.ts'
import type { Rehearsal } from '../../src/adapters/rehearsal/server.ts'
import type {
  ConversationMessage,
  ModelProvider,
  ModelRequest,
  Provider,
  ToolDefinition,
} from '../../src/domain/ports/model-provider.ts'
import template from '../../templates/calculator-python.json' with { type: 'json' }

export const secret = 'sk-rehearsal-0123456789'

export const calculatorTask = template.sampleTask.task

/** The provider's adapter against a rehearsal, with retries that take no time. */
export function providerOn(
  provider: Provider,
  rehearsal: Rehearsal,
  overrides: Partial<ProviderOptions> = {},
): ModelProvider {
  const options = {
    apiKey: secret,
    defaultModel: defaultModels[provider].rehearsalModel,
    rehearsal: true,
    retry: { attempts: 4, baseDelayMs: 1 },
    ...overrides,
  }
  return provider === 'OPENAI'
    ? createOpenAiProvider({ baseUrl: rehearsal.openaiBaseUrl, ...options })
    : createAnthropicProvider({ baseUrl: rehearsal.anthropicBaseUrl, ...options })
}

const nullable = (type: string) => ({ type: [type, 'null'] })

function tool(name: string, properties: Record<string, unknown>): ToolDefinition {
  return {
    name,
    description: `Calls ${name}.`,
    parameters: { type: 'object', properties, required: Object.keys(properties), additionalProperties: false },
  }
}

export const agentTools: readonly ToolDefinition[] = [
  tool('read_file', { path: { type: 'string' }, startLine: nullable('integer'), endLine: nullable('integer') }),
  tool('list_dir', { path: { type: 'string' } }),
  tool('search', { text: { type: 'string' }, path: nullable('string') }),
  tool('write_file', { path: { type: 'string' }, content: { type: 'string' } }),
  tool('edit_file', { path: { type: 'string' }, oldText: { type: 'string' }, newText: { type: 'string' } }),
  tool('run_tests', { names: { type: ['array', 'null'], items: { type: 'string' } } }),
]

export function user(text: string): ConversationMessage {
  return { role: 'user', text }
}

export function taskMessage(task: string = calculatorTask, rest = ''): ConversationMessage {
  return user(`<task>\n${task}\n</task>\n${rest}`)
}

export function request(overrides: Partial<ModelRequest>): ModelRequest {
  return {
    model: 'rehearsal-openai',
    system: 'You are the coder.\nChange the workspace so that the task is done.',
    messages: [taskMessage()],
    tools: [],
    maxOutputTokens: 8_000,
    signal: new AbortController().signal,
    ...overrides,
  }
}
