import module from 'node:module'
import { runChild } from '../harness/child.ts'

/** What this script is called with. */
export interface EmptyServerOptions {
  readonly databaseUrl: string
  /** 0: any that is free. */
  readonly port: number
  /** Where what is compiled is kept for the next start, as the product keeps it. */
  readonly compiled: string
}

// What was compiled is kept at the end of a process, and not when a signal ends it.
process.once('SIGTERM', () => process.exit(0))

await runChild<EmptyServerOptions, { readonly url: string }>(async ({ databaseUrl, port, compiled }) => {
  module.enableCompileCache?.(compiled)
  const { startEmptyServer } = await import('./empty-yoga.ts')
  return await startEmptyServer(databaseUrl, port)
})
