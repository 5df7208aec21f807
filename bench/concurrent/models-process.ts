import { setTimeout as delay } from 'node:timers/promises'
import { startRehearsal } from '../../src/adapters/rehearsal/server.ts'
import { runChild } from '../harness/child.ts'

/** What this script is called with. */
export interface ModelsOptions {
  /** Before each answer begins. */
  readonly latencyMs: number
}

/** Where it plays the providers. */
export interface ModelsReady {
  readonly openai: string
  readonly anthropic: string
}

// In a process of their own: what they do is no work of the server's.
await runChild<ModelsOptions, ModelsReady>(async ({ latencyMs }) => {
  const rehearsal = await startRehearsal({ intercept: () => delay(latencyMs) })
  return {
    ready: { openai: rehearsal.openaiBaseUrl, anthropic: rehearsal.anthropicBaseUrl },
    close: () => rehearsal.close(),
  }
})
