import { defaultModels } from '../../adapters/llm/default-models.ts'
import { isConfigured } from '../../adapters/llm/models.ts'
import type { Config, ProviderConfig } from '../../config.ts'
import { describeFault } from '../exit.ts'
import { type Check, ok } from './check.ts'

const limitMs = 10_000

interface Asked {
  readonly name: 'OPENAI' | 'ANTHROPIC'
  readonly access: ProviderConfig
  /** What lists the models, which costs nothing, behind the base URL. */
  readonly path: string
  readonly headers: (key: string) => Readonly<Record<string, string>>
}

const providersOf = ({ openai, anthropic }: Config): readonly Asked[] =>
  [
    {
      name: 'OPENAI' as const,
      access: openai,
      path: '/models',
      headers: (key: string) => ({ authorization: `Bearer ${key}` }),
    },
    {
      name: 'ANTHROPIC' as const,
      access: anthropic,
      path: '/v1/models?limit=1',
      headers: (key: string) => ({ 'x-api-key': key, 'anthropic-version': '2023-06-01' }),
    },
  ].filter(({ access }) => isConfigured(access))

/** What a provider's answer says of the key. */
interface Finding {
  readonly status: Check['status']
  readonly words: string
  /** Null when all is well. */
  readonly remedy: string | null
}

/** A key was accepted where the list was given, and by nothing else. */
const findingOf = (name: Asked['name'], http: number): Finding => {
  const say = (status: Finding['status'], words: string, remedy: string | null): Finding => ({
    status,
    words: `${name} ${words} (HTTP ${http})`,
    remedy,
  })
  if (http >= 200 && http < 300) return say('ok', 'gave its list of models', null)
  if (http === 401 || http === 403) return say('missing', 'refused it', `set ${name}_API_KEY to a valid key`)
  if (http === 429) {
    const remedy = `ask again later; if it stays so, raise the limits or the credit of ${name}_API_KEY`
    return say('limited', 'takes no more requests with it now', remedy)
  }
  if (http < 400) {
    const words = 'did not answer properly: it sends callers elsewhere, where no key goes'
    return say('limited', words, `set ${name}_BASE_URL to the address that answers itself`)
  }
  const remedy =
    http < 500
      ? `see that ${name}_BASE_URL is the address of its API; if that server lists no models, only a call shows whether it takes the key`
      : `ask again later; if it stays so, see what stands at ${name}_BASE_URL, a proxy or the provider`
  return say('limited', 'did not answer properly', remedy)
}

const askProvider = async ({ name, access, path, headers }: Asked): Promise<Finding> => {
  const base = (access.baseUrl ?? defaultModels[name].baseUrl).replace(/\/+$/, '')
  try {
    const response = await fetch(`${base}${path}`, {
      headers: access.apiKey === undefined ? {} : headers(access.apiKey),
      // A key goes to nobody that another server names.
      redirect: 'manual',
      signal: AbortSignal.timeout(limitMs),
    })
    await response.body?.cancel()
    return findingOf(name, response.status)
  } catch (error) {
    return {
      status: 'limited',
      words: `${name} cannot be reached from here: ${describeFault(error, { stack: false })}`,
      remedy: `see that the machines with workers reach the providers, or correct ${name}_BASE_URL`,
    }
  }
}

const worst = (found: readonly Finding[]): Check['status'] =>
  (['missing', 'limited'] as const).find((status) => found.some((each) => each.status === status)) ?? 'ok'

/** Whether the providers take the keys that are set. Asks each once for its list of models. */
export const checkKeys = async (config: Config): Promise<Check> => {
  const found = await Promise.all(providersOf(config).map(askProvider))
  if (found.length === 0) return ok('keys', 'none is set')
  const detail = found.map(({ words }) => words).join('; ')
  const remedies = found.flatMap(({ remedy }) => remedy ?? [])
  return { name: 'keys', status: worst(found), detail, remedy: remedies.length === 0 ? null : remedies.join('; ') }
}
