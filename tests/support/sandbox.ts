import { inject } from 'vitest'
import './provided.ts'

/** The run's sandbox: `it.skipIf(!sandbox.isolates)(`name${sandbox.note}`, ...)` for what only isolation can show. */
export function testSandbox(): { readonly driver: 'auto' | 'none'; readonly isolates: boolean; readonly note: string } {
  const sandbox = inject('sandbox')
  const note = sandbox.driver === 'none' ? ` (skipped: ${sandbox.reason})` : ''
  return { driver: sandbox.driver, isolates: sandbox.driver !== 'none', note }
}
