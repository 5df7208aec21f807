import { defineConfig } from 'vitest/config'
import { liveProviders } from './tests/live/providers.ts'
import base from './vitest.config.ts'

const isSkipped = liveProviders(process.env).length === 0

/** Tests that cost money, apart from all others: interview, session and sprint with the providers that have a key. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ['tests/live/*.live.ts'],
    globalSetup: isSkipped ? ['tests/live/say-skipped.ts'] : (base.test?.globalSetup ?? []),
    testTimeout: 900_000,
    // One after the other: providers limit how fast they may be asked.
    maxWorkers: 1,
  },
})
