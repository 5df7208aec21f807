import type { Provider } from '../../domain/ports/model-provider.ts'

export interface DefaultModel {
  /** Used when configuration names no model for the provider. */
  readonly model: string
  /** What codes in a session, and what judges there: a strong model and a small one. */
  readonly coderModel: string
  readonly evaluatorModel: string
  /** What the offline rehearsal calls itself. */
  readonly rehearsalModel: string
  readonly baseUrl: string
}

/** One balanced model per provider: able to code, and priced for several candidates a task. */
export const defaultModels: Readonly<Record<Provider, DefaultModel>> = {
  OPENAI: {
    model: 'gpt-6.1-sol',
    coderModel: 'gpt-6.1-sol',
    evaluatorModel: 'gpt-6-luna',
    rehearsalModel: 'rehearsal-openai',
    baseUrl: 'https://api.openai.com/v1',
  },
  ANTHROPIC: {
    model: 'claude-sonnet-5-5',
    coderModel: 'claude-opus-5-5',
    evaluatorModel: 'claude-haiku-5-5',
    rehearsalModel: 'rehearsal-anthropic',
    baseUrl: 'https://api.anthropic.com',
  },
}
