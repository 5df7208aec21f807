import { isConfigured } from '../../adapters/llm/models.ts'
import type { Config } from '../../config.ts'
import { type Check, limited, missing, ok } from './check.ts'

/** Whether models can be asked; whether a key is good is only known when it is used. */
export const checkProviders = (config: Config): Check => {
  const providers = [
    { name: 'OPENAI', access: config.openai },
    { name: 'ANTHROPIC', access: config.anthropic },
  ]
  const there = providers.filter(({ access }) => isConfigured(access)).map(({ name }) => name)
  const absent = providers.filter(({ access }) => !isConfigured(access)).map(({ name }) => name)
  if (absent.length === 0) return ok('providers', `${there.join(' and ')} configured`)
  const keys = absent.map((name) => `${name}_API_KEY`).join(' and ')
  const found = there.length === 0 ? 'none configured' : `${there.join()} configured`
  if (config.rehearsal === 'never') {
    return there.length === 0
      ? missing('providers', `${found}, and REHEARSAL=never`, `set ${keys}`)
      : limited('providers', `${found}: one candidate works alone, without ${absent.join()}`, `set ${keys}`)
  }
  const where = config.rehearsal === 'always' ? 'everywhere' : 'in start and demo; api and worker do without'
  return limited(
    'providers',
    `${found}; the offline rehearsal, which is no model, plays ${absent.join(' and ')} ${where}`,
    `set ${keys}`,
  )
}
