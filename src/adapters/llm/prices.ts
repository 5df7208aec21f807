import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { type Provider, providers, type TokenCount } from '../../domain/ports/model-provider.ts'
import { byModelName } from './model-names.ts'

/** Usage as our adapters count it: writes to a prompt cache have a price of their own. */
export interface CountedTokens extends TokenCount {
  /** Those of the input tokens that were written to the provider's cache. */
  readonly cacheWriteInputTokens?: number
}

const usd = z.number().nonnegative()

const rates = z.strictObject({
  inputPerMillionUsd: usd,
  cachedInputPerMillionUsd: usd,
  /** Input that is written to the cache; the price of input when absent. */
  cacheWritePerMillionUsd: usd.optional(),
  outputPerMillionUsd: usd,
})

const modelPrice = rates.extend({
  /** What the whole call costs when its input is longer than this. */
  longPrompt: rates.extend({ aboveInputTokens: z.number().int().positive() }).optional(),
})

const priceList = z.strictObject({
  provider: z.enum(providers),
  /** Where the prices were read, and when. */
  source: z.string().min(1),
  date: z.iso.date(),
  models: z.record(z.string().min(1), modelPrice),
})

const priceFile = z.array(priceList)

type Rates = z.infer<typeof rates>
type ModelPrice = z.infer<typeof modelPrice>

interface PricedModel extends ModelPrice {
  readonly provider: Provider
  readonly source: string
  /** Null for what is built in. */
  readonly date: string | null
}

export interface Prices {
  /** The price of a model, also of a dated name of it; null when it is not known. */
  priceOf(model: string): PricedModel | null
  /** In US dollars; null when the model has no price here. */
  costOf(model: string, usage: CountedTokens): number | null
  /** The names with which the price file lists a provider's models. */
  listed(provider: Provider): readonly string[]
}

const free: ModelPrice = { inputPerMillionUsd: 0, cachedInputPerMillionUsd: 0, outputPerMillionUsd: 0 }

const builtIn: readonly (readonly [string, PricedModel])[] = [
  ['rehearsal-openai', { ...free, provider: 'OPENAI', source: 'built-in', date: null }],
  ['rehearsal-anthropic', { ...free, provider: 'ANTHROPIC', source: 'built-in', date: null }],
]

/**
 * Reads a price file. Of two lists that name the same model, the later one holds.
 * @throws Error that names the file and every fault in it
 */
export function readPrices(path: string | URL): Prices {
  try {
    return createPrices(JSON.parse(readFileSync(path, 'utf8')))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`The price file ${path} cannot be used: ${reason}`, { cause })
  }
}

/**
 * Prices from the parsed content of a price file.
 * @throws Error that lists every fault
 */
export function createPrices(content: unknown): Prices {
  const parsed = priceFile.safeParse(content)
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error))
  const models = new Map<string, PricedModel>(builtIn)
  for (const { provider, source, date, models: listed } of parsed.data) {
    for (const [name, price] of Object.entries(listed)) models.set(name, { ...price, provider, source, date })
  }
  const priceOf = byModelName(models)

  return {
    priceOf,
    costOf(model, usage) {
      const price = priceOf(model)
      return price === null ? null : costAt(ratesFor(price, usage), usage)
    },
    listed: (provider) =>
      [...models].filter(([, price]) => price.provider === provider && price.date !== null).map(([name]) => name),
  }
}

function ratesFor(price: ModelPrice, usage: CountedTokens): Rates {
  const { longPrompt } = price
  return longPrompt && usage.inputTokens > longPrompt.aboveInputTokens ? longPrompt : price
}

function costAt(price: Rates, usage: CountedTokens): number {
  const written = usage.cacheWriteInputTokens ?? 0
  const fresh = Math.max(usage.inputTokens - usage.cachedInputTokens - written, 0)
  const perMillion =
    fresh * price.inputPerMillionUsd +
    usage.cachedInputTokens * price.cachedInputPerMillionUsd +
    written * (price.cacheWritePerMillionUsd ?? price.inputPerMillionUsd) +
    usage.outputTokens * price.outputPerMillionUsd
  return perMillion / 1_000_000
}
