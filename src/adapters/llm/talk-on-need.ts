import type { Provider } from '../../domain/ports/model-provider.ts'
import { failureOfLoading } from './failure.ts'
import type { ProviderTalk } from './guarded-call.ts'

class NotLoadedError extends Error {
  override readonly name = 'NotLoadedError'
}

/**
 * Loads the way to a provider, and with it the provider's client library, at the first call: the libraries are a fourth
 * of all that a process would load, and many a process never calls a model. What could not be loaded is tried again.
 */
export function talkOnNeed(provider: Provider, load: () => Promise<ProviderTalk>): ProviderTalk {
  let talk: ProviderTalk | undefined

  async function reach(): Promise<ProviderTalk> {
    try {
      const loaded = await load()
      // Of calls that came at the same time all have the same one.
      talk ??= loaded
      return talk
    } catch (cause) {
      throw new NotLoadedError(cause instanceof Error ? cause.message : String(cause), { cause })
    }
  }

  return {
    provider,
    async attempt(request, signal, onLife) {
      const reached = talk ?? (await reach())
      return await reached.attempt(request, signal, onLife)
    },
    failureOf: (cause) =>
      cause instanceof NotLoadedError ? failureOfLoading(provider, cause) : (talk?.failureOf(cause) ?? null),
  }
}
