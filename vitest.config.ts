import { availableParallelism } from 'node:os'
import { defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// graphql 17 ships two builds; without these conditions vitest loads both ("another realm").
const conditions = ['module-sync', ...defaultServerConditions]

// Small files that take long: begun last, each would be waited for by itself.
const slow = [
  'tests/bench/benchmarks.test.ts',
  'tests/durability/chaos.test.ts',
  'tests/durability/paused.test.ts',
  'tests/sandbox/conformance.test.ts',
]

class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isSlow = ({ moduleId }: TestSpecification) => slow.some((name) => moduleId.endsWith(name))
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))]
  }
}

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: ['node', 'module-sync'] } },
  test: {
    sequence: { sequencer: SlowFirst },
    globalSetup: [
      'tests/support/files-global.ts',
      'tests/support/programs-global.ts',
      'tests/support/postgres-global.ts',
      'tests/support/redis-global.ts',
      'tests/support/sandbox-global.ts',
    ],
    include: ['tests/**/*.test.ts', 'src/**/*.test.ts'],
    // Part of a test's time is waiting: two cores are for three files at a time.
    maxWorkers: availableParallelism() + 1,
    // Files share a process, and so what it has loaded: nothing in the project keeps state beside what a server owns.
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The limit is for what never comes: what comes late, since the machine is busy, is no failure.
    expect: { poll: { timeout: 20_000 } },
  },
})
