import { defaultModels } from '../../adapters/llm/default-models.ts'
import { isConfigured } from '../../adapters/llm/models.ts'
import type { Config, ProviderConfig } from '../../config.ts'
import { describeFault } from '../exit.ts'
import { type Check, limited, missing, ok } from './check.ts'

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

type Answer = 'accepted' | 'refused' | 'unknown'

/** A server of the same kind may not list its models: only a refusal says something of the key. */
const askProvider = async ({
  name,
  access,
  path,
  headers,
}: Asked): Promise<{ name: string; answer: Answer; words: string }> => {
  const base = (access.baseUrl ?? defaultModels[name].baseUrl).replace(/\/+$/, '')
  try {
    const response = await fetch(`${base}${path}`, {
      headers: access.apiKey === undefined ? {} : headers(access.apiKey),
      // A key goes to nobody that another server names.
      redirect: 'manual',
      signal: AbortSignal.timeout(limitMs),
    })
    await response.body?.cancel()
    const { status } = response
    if (status === 401 || status === 403)
      return { name, answer: 'refused', words: `${name} refused it (HTTP ${status})` }
    return { name, answer: 'accepted', words: `${name} answers (HTTP ${status})` }
  } catch (error) {
    return {
      name,
      answer: 'unknown',
      words: `${name} cannot be reached from here: ${describeFault(error, { stack: false })}`,
    }
  }
}

/** Whether the providers take the keys that are set. Asks each once for its list of models. */
export const checkKeys = async (config: Config): Promise<Check> => {
  const asked = await Promise.all(providersOf(config).map(askProvider))
  if (asked.length === 0) return ok('keys', 'none is set')
  const detail = asked.map(({ words }) => words).join('; ')
  const refused = asked.filter(({ answer }) => answer === 'refused').map(({ name }) => `${name}_API_KEY`)
  if (refused.length > 0) return missing('keys', detail, `set ${refused.join(' and ')} to a valid key`)
  return asked.every(({ answer }) => answer === 'accepted')
    ? ok('keys', detail)
    : limited('keys', detail, 'see that the machines with workers reach the providers, or correct the base URL')
}
