import type { Benchmark } from './harness/benchmark.ts'

/** Each benchmark by its name, loaded when it is to be run: what one compares with is nothing to the others. */
export const benchmarks: Readonly<Record<string, () => Promise<{ readonly benchmark: Benchmark }>>> = {
  'graphql-read': () => import('./graphql-read/benchmark.ts'),
  'graphql-write': () => import('./graphql-write/benchmark.ts'),
  subscriptions: () => import('./subscriptions/benchmark.ts'),
  resume: () => import('./resume/benchmark.ts'),
  step: () => import('./step/benchmark.ts'),
  patch: () => import('./patch/benchmark.ts'),
  import: () => import('./import/benchmark.ts'),
  workspace: () => import('./workspace/benchmark.ts'),
  sandbox: () => import('./sandbox/benchmark.ts'),
  safety: () => import('./safety/benchmark.ts'),
  sprint: () => import('./sprint/benchmark.ts'),
  concurrent: () => import('./concurrent/benchmark.ts'),
  start: () => import('./start/benchmark.ts'),
}
