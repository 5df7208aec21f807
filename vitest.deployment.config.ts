import { defineConfig } from 'vitest/config'
import base from './vitest.config.ts'

/** The image and the composition, which need Docker and minutes, apart from all others; they bring their own services. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ['tests/deployment/composition.test.ts'],
    globalSetup: [],
    env: { COUNTERSIGN_TEST_DEPLOYMENT: 'required' },
    testTimeout: 600_000,
    hookTimeout: 1_800_000,
    maxWorkers: 1,
  },
})
