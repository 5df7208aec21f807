import type { ComponentHealth } from '../schema/context.ts'
import { createBoundedLook } from './bounded-look.ts'
import type { Component } from './component.ts'

export interface Health {
  /** Each component as it is now. Those who ask at the same time are answered together. */
  look(): Promise<readonly ComponentHealth[]>
  /** The same, or what was found up to a second ago: for probes, which nobody has to sign in for. */
  lookForProbe(): Promise<readonly ComponentHealth[]>
}

export interface HealthOptions {
  /** How long one component may take to answer, in milliseconds. */
  readonly limitMs?: number
  /** For how long probes are answered the same, in milliseconds. */
  readonly freshMs?: number
}

const unknown = 'It cannot be known while the database does not answer.'

/** Looks at components: at the database first, since most of the others are known by it alone. */
export const createHealth = (
  components: readonly Component[],
  { limitMs = 3_000, freshMs = 1_000 }: HealthOptions = {},
): Health => {
  const looks = components.map((component) => ({ component, look: createBoundedLook(component, limitMs) }))
  const database = looks.find(({ component }) => component.name === 'database')

  const lookAtAll = async (): Promise<readonly ComponentHealth[]> => {
    const first = database?.look()
    return Promise.all(
      looks.map(async ({ component, look }) => {
        if (look === database?.look && first) return first
        if (!component.readsDatabase || (await first)?.ok !== false) return look()
        const { name, isNeeded } = component
        return { name, isNeeded, ok: false, detail: unknown, latencyMs: 0 }
      }),
    )
  }

  let underWay: Promise<readonly ComponentHealth[]> | undefined
  let last: { readonly at: number; readonly found: readonly ComponentHealth[] } | undefined
  const look = () => {
    underWay ??= lookAtAll()
      .then((found) => {
        last = { at: performance.now(), found }
        return found
      })
      .finally(() => {
        underWay = undefined
      })
    return underWay
  }
  return {
    look,
    async lookForProbe() {
      return last && performance.now() - last.at < freshMs ? last.found : look()
    },
  }
}
