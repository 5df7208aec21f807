import type { Provider } from '../../domain/ports/model-provider.ts'
import { byModelName } from './model-names.ts'

interface ContextList {
  readonly provider: Provider
  /** Where the limits were read, and when. */
  readonly source: string
  readonly date: string
  /** The longest input of each model in tokens; where only the whole window is published, that. */
  readonly inputTokens: Readonly<Record<string, number>>
}

/** The limits as the providers publish them. */
export const contextLists: readonly ContextList[] = [
  {
    provider: 'OPENAI',
    source: 'https://developers.openai.com/api/docs/models/gpt-6.2-sol.md, and gpt-6-sol.md beside it',
    date: '2026-11-21',
    inputTokens: { 'gpt-6.2-sol': 922_000, 'gpt-6-sol': 922_000 },
  },
  {
    provider: 'OPENAI',
    source:
      'https://www.w3cschool.cn/openai_api/openai-api-docs-gpt-6-1-sol.html (a translation of the model page), https://docs.venice.ai/es/models/gpt-6-luna.md',
    date: '2026-11-21',
    inputTokens: { 'gpt-6.1-sol': 922_000, 'gpt-6-luna': 922_000 },
  },
  {
    provider: 'ANTHROPIC',
    source: 'https://platform.claude.com/docs/about-claude/models/whats-new-opus-5 (comparison of the current models)',
    date: '2026-11-21',
    inputTokens: {
      'claude-fable-5-1': 1_000_000,
      'claude-opus-5-5': 1_000_000,
      'claude-opus-5': 1_000_000,
      'claude-sonnet-5-5': 1_000_000,
      'claude-haiku-5-5': 1_000_000,
    },
  },
  {
    provider: 'ANTHROPIC',
    source: 'https://platform.claude.com/docs/zh-CN/models/sonnet-5/overview.md',
    date: '2026-11-21',
    inputTokens: { 'claude-sonnet-5': 1_000_000 },
  },
  {
    provider: 'ANTHROPIC',
    source: "https://tygartmedia.com/tag/anthropic-models/, from Anthropic's models page of 2026-05-09",
    date: '2026-11-21',
    inputTokens: { 'claude-opus-4-7': 1_000_000, 'claude-sonnet-4-6': 1_000_000, 'claude-haiku-4-5': 200_000 },
  },
]

/** Of a model that nobody has listed. Most models since 2024 take this much. */
export const unknownModelInputTokens = 128_000

const find = byModelName(contextLists.flatMap(({ inputTokens }) => Object.entries(inputTokens)))

/** The longest input that a model takes, in tokens; a cautious figure for one that is not known. */
export const inputLimitOf = (model: string): number => find(model) ?? unknownModelInputTokens
