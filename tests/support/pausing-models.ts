import type { Intercept } from '../../src/context.ts'
import type { ModelProvider } from '../../src/domain/ports/model-provider.ts'

/** Pauses this process, as SIGSTOP does, when it is about to make its first call that speaks of the given words. */
export const pausingModels = (words: string): Intercept => {
  let hasPaused = false
  const pausing = (provider: ModelProvider): ModelProvider => ({
    ...provider,
    complete(request) {
      if (!hasPaused && JSON.stringify(request.messages).includes(words)) {
        hasPaused = true
        process.kill(process.pid, 'SIGSTOP')
      }
      return provider.complete(request)
    },
  })
  return {
    em: (em) => em,
    git: (git) => git,
    queues: (queues) => queues,
    models: (models) => ({
      ...models,
      configured: models.configured.map(pausing),
      get(name) {
        const provider = models.get(name)
        return provider && pausing(provider)
      },
    }),
  }
}
