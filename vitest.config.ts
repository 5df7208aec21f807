import { availableParallelism } from 'node:os'
import { defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'

// graphql 17 ships two builds; without these conditions vitest loads both ("another realm").
const conditions = ['module-sync', ...defaultServerConditions]

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: ['node', 'module-sync'] } },
  test: {
    globalSetup: [
      'tests/support/postgres-global.ts',
      'tests/support/redis-global.ts',
      'tests/support/sandbox-global.ts',
    ],
    include: ['tests/**/*.test.ts', 'src/**/*.test.ts'],
    // Most of a test's time is waiting: also two cores are for two files at a time.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
