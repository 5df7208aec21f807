import { providers } from '../../domain/ports/model-provider.ts'
import { defaultModels } from './default-models.ts'
import { byModelName } from './model-names.ts'
import type { Prices } from './prices.ts'

/**
 * Names models for figures, of which there may be only so many: anybody who starts a sprint may name a model.
 * @param configured those that the configuration names; undefined where it names none
 * @returns what gives the name that a model is listed or configured under, and `other` for one that is neither
 */
export const knownModels = (
  prices: Pick<Prices, 'listed'>,
  configured: readonly (string | undefined)[],
): ((model: string) => string) => {
  const names = [
    ...providers.flatMap((provider) => [defaultModels[provider].rehearsalModel, ...prices.listed(provider)]),
    ...configured.filter((name) => name !== undefined),
  ]
  const find = byModelName(names.map((name) => [name, name] as const))
  return (model) => find(model) ?? 'other'
}
