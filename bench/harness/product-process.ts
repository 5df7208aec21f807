import type { StartOptions } from '../../src/start.ts'
import { runChild } from './child.ts'
import { makeProduct } from './make-product.ts'

/** What `startProduct` gives this script. */
export interface ProductOptions {
  readonly env: Readonly<Record<string, string>>
  readonly part: StartOptions
}

/** What it gives back. */
export interface ProductReady {
  /** Empty for one without an API. */
  readonly url: string
  readonly token: string
}

await runChild(makeProduct)
