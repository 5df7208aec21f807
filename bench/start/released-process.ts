import { readConfig } from '../../src/config.ts'
import { start } from '../../src/start.ts'
import { runChild } from '../harness/child.ts'
import type { ProductOptions, ProductReady } from '../harness/product-process.ts'

// It is run from a bundle, as a release is, and has nothing in it that a release has not.
await runChild<ProductOptions, ProductReady>(async ({ env, part }) => {
  const running = await start(readConfig({ PATH: process.env.PATH, ...env }), part)
  return { ready: { url: running.url, token: running.adminToken }, close: () => running.close() }
})
