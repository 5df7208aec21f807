import type { ModelProvider, Provider } from '../../domain/ports/model-provider.ts'
import type { Logger, Models } from '../../domain/shared/services.ts'
import type { Rehearsal } from '../rehearsal/server.ts'
import { createAnthropicProvider } from './anthropic.ts'
import type { CallLimits } from './call-limits.ts'
import type { BreakerOptions } from './circuit-breaker.ts'
import { inputLimitOf } from './context-limits.ts'
import { defaultModels } from './default-models.ts'
import { offeredModels } from './offered-models.ts'
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
  /** Who answers in sessions that name nobody. */
  readonly coder?: ChosenModel | undefined
  readonly evaluator?: ChosenModel | undefined
  /** Plays the providers that have neither key nor address. */
  readonly rehearsal: Pick<Rehearsal, 'openaiBaseUrl' | 'anthropicBaseUrl'> | undefined
  readonly prices: Prices
  readonly callLimits?: Partial<CallLimits> | undefined
  readonly retry?: RetryOptions | undefined
  readonly breaker?: BreakerOptions | undefined
  readonly measure?: ProviderOptions['measure']
}

interface ChosenModel {
  readonly provider: Provider
  readonly model: string
}

const factories: Readonly<Record<Provider, (options: ProviderOptions) => ModelProvider>> = {
  OPENAI: createOpenAiProvider,
  ANTHROPIC: createAnthropicProvider,
}

/** Whether a provider is really reached, by key or by an address of its own. */
export const isConfigured = (access: ProviderAccess): boolean =>
  access.apiKey !== undefined || access.baseUrl !== undefined

/** Where a provider is reached, really or in the rehearsal, and the key for it; undefined where it is not. */
const reachOf = (
  provider: Provider,
  access: ProviderAccess,
  rehearsalUrl: string | undefined,
): { readonly baseUrl: string; readonly apiKey: string | null; readonly rehearsal: boolean } | undefined => {
  if (isConfigured(access)) {
    const baseUrl = access.baseUrl ?? defaultModels[provider].baseUrl
    return { baseUrl, apiKey: access.apiKey ?? null, rehearsal: false }
  }
  return rehearsalUrl === undefined ? undefined : { baseUrl: rehearsalUrl, apiKey: 'rehearsal', rehearsal: true }
}

/** Where the gateway of tests finds the same providers, and which of their models it offers. */
export const gatewayTargets = (
  { openai, anthropic, rehearsal, prices }: Pick<ModelsOptions, 'openai' | 'anthropic' | 'rehearsal' | 'prices'>,
  models: Models,
) => {
  const [first, second] = [
    reachOf('OPENAI', openai, rehearsal?.openaiBaseUrl),
    reachOf('ANTHROPIC', anthropic, rehearsal?.anthropicBaseUrl),
  ]
  return {
    ...(first && { OPENAI: { ...first, models: offeredModels('OPENAI', models, prices) } }),
    ...(second && { ANTHROPIC: { ...second, models: offeredModels('ANTHROPIC', models, prices) } }),
  }
}

/** The providers that are configured, the others played by the rehearsal if there is one. */
export const createModels = (options: ModelsOptions, log: Logger): Models => {
  const open = (
    provider: Provider,
    access: ProviderAccess,
    rehearsalUrl: string | undefined,
  ): readonly ModelProvider[] => {
    const reach = reachOf(provider, access, rehearsalUrl)
    if (!reach) return []
    const { model, rehearsalModel } = defaultModels[provider]
    return [
      factories[provider]({
        ...reach,
        defaultModel: reach.rehearsal ? rehearsalModel : (access.model ?? model),
        log: (notice) => log.warn(notice, 'model call is tried again'),
        limits: options.callLimits,
        retry: options.retry,
        breaker: options.breaker,
        measure: options.measure,
      }),
    ]
  }
  const configured = [
    ...open('OPENAI', options.openai, options.rehearsal?.openaiBaseUrl),
    ...open('ANTHROPIC', options.anthropic, options.rehearsal?.anthropicBaseUrl),
  ]
  const get = (provider: Provider) => configured.find((known) => known.provider === provider)
  const judge = options.judge.provider ? get(options.judge.provider) : configured[0]
  const sessionModel: Models['sessionModel'] = (role, wanted) => {
    const chosen = options[role]
    if (chosen && (wanted === null || wanted === chosen.provider)) return chosen
    const provider = wanted === null ? configured[0] : get(wanted)
    if (!provider) return undefined
    // A model that somebody set for the provider may be the only one that its server has.
    const set = provider.provider === 'OPENAI' ? options.openai.model : options.anthropic.model
    const usual = defaultModels[provider.provider]
    const own = role === 'coder' ? usual.coderModel : usual.evaluatorModel
    return { provider: provider.provider, model: provider.rehearsal ? usual.rehearsalModel : (set ?? own) }
  }
  return {
    configured,
    get,
    inputLimitOf,
    sessionModel,
    costOf: (model, tokens) => options.prices.costOf(model, tokens),
    judge: judge && { provider: judge.provider, model: options.judge.model ?? judge.defaultModel },
  }
}
