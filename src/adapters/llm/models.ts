import type { ModelProvider, Provider } from '../../domain/ports/model-provider.ts'
import type { Logger, Models } from '../../domain/shared/services.ts'
import type { Rehearsal } from '../rehearsal/server.ts'
import { createAnthropicProvider } from './anthropic.ts'
import { defaultModels } from './default-models.ts'
import { createOpenAiProvider } from './openai.ts'
import type { Prices } from './prices.ts'
import type { ProviderOptions } from './provider-options.ts'
import type { RetryOptions } from './retry.ts'

/** How a provider is reached; without key and address it is not. */
export interface ProviderAccess {
  readonly apiKey: string | undefined
  readonly baseUrl: string | undefined
  readonly model: string | undefined
}

export interface ModelsOptions {
  readonly openai: ProviderAccess
  readonly anthropic: ProviderAccess
  readonly judge: { readonly provider: Provider | undefined; readonly model: string | undefined }
  /** Plays the providers that have neither key nor address. */
  readonly rehearsal: Pick<Rehearsal, 'openaiBaseUrl' | 'anthropicBaseUrl'> | undefined
  readonly prices: Prices
  readonly retry?: RetryOptions | undefined
}

const factories: Readonly<Record<Provider, (options: ProviderOptions) => ModelProvider>> = {
  OPENAI: createOpenAiProvider,
  ANTHROPIC: createAnthropicProvider,
}

/** Whether a provider is really reached, by key or by an address of its own. */
export const isConfigured = (access: ProviderAccess): boolean =>
  access.apiKey !== undefined || access.baseUrl !== undefined

/** The providers that are configured, the others played by the rehearsal if there is one. */
export const createModels = (options: ModelsOptions, log: Logger): Models => {
  const open = (
    provider: Provider,
    access: ProviderAccess,
    rehearsalUrl: string | undefined,
  ): readonly ModelProvider[] => {
    const real = isConfigured(access)
    if (!real && rehearsalUrl === undefined) return []
    return [
      factories[provider]({
        apiKey: real ? (access.apiKey ?? null) : 'rehearsal',
        baseUrl: real ? access.baseUrl : rehearsalUrl,
        defaultModel: real ? (access.model ?? defaultModels[provider].model) : defaultModels[provider].rehearsalModel,
        rehearsal: !real,
        log: (notice) => log.warn(notice, 'model call is tried again'),
        retry: options.retry,
      }),
    ]
  }
  const configured = [
    ...open('OPENAI', options.openai, options.rehearsal?.openaiBaseUrl),
    ...open('ANTHROPIC', options.anthropic, options.rehearsal?.anthropicBaseUrl),
  ]
  const get = (provider: Provider) => configured.find((known) => known.provider === provider)
  const judge = options.judge.provider ? get(options.judge.provider) : configured[0]
  return {
    configured,
    get,
    costOf: (model, tokens) => options.prices.costOf(model, tokens),
    judge: judge && { provider: judge.provider, model: options.judge.model ?? judge.defaultModel },
  }
}
