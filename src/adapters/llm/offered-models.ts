import type { Provider } from '../../domain/ports/model-provider.ts'
import type { Models } from '../../domain/shared/services.ts'
import { byModelName } from './model-names.ts'
import type { Prices } from './prices.ts'

/** The models of a provider that tests may call. */
export interface OfferedModels {
  /** Those that the server itself calls first. */
  readonly names: readonly string[]
  offers(model: string): boolean
}

/** Models that search by themselves, "research" among them, and variants that a router adds to a name, as `:online`. */
const reachesOut = /search|:/i

/**
 * What the server itself calls, under exactly these names, and what has a price and is not known to reach the network
 * by itself, also under a dated name: so a limit in US dollars holds for whatever a test's code may choose.
 */
export const offeredModels = (
  provider: Provider,
  models: Pick<Models, 'get' | 'judge' | 'sessionModel'>,
  prices: Pick<Prices, 'listed'>,
): OfferedModels => {
  const { judge } = models
  const own = [
    models.get(provider)?.defaultModel,
    models.sessionModel('coder', provider)?.model,
    models.sessionModel('evaluator', provider)?.model,
    judge?.provider === provider ? judge.model : undefined,
  ].filter((name) => name !== undefined)
  const priced = prices.listed(provider).filter((name) => !reachesOut.test(name))
  const isPriced = byModelName(priced.map((name) => [name, true] as const))
  return {
    names: [...new Set([...own, ...priced])],
    offers: (model) => own.includes(model) || isPriced(model) !== null,
  }
}
