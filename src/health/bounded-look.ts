import type { ComponentHealth } from '../schema/context.ts'
import { type Component, type Finding, faulty } from './component.ts'

const wordsOf = (error: unknown): string => {
  // Tries at each address of a host fail together, without words of their own.
  if (error instanceof AggregateError) return error.errors.map(wordsOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

/**
 * Looks at a component for a limited time. A look that hangs goes on and is shared by whoever comes next: however often
 * it is asked, one connection at the most hangs with it.
 */
export const createBoundedLook = (component: Component, limitMs: number): (() => Promise<ComponentHealth>) => {
  const { name, isNeeded } = component
  let underWay: Promise<Finding> | undefined
  const look = (): Promise<Finding> => {
    underWay ??= component
      .look()
      .catch((error: unknown) => faulty(wordsOf(error)))
      .finally(() => {
        underWay = undefined
      })
    return underWay
  }
  return async () => {
    const startedAt = performance.now()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<Finding>((resolve) => {
      const words = `It did not answer within ${limitMs / 1_000} seconds.`
      timer = setTimeout(() => resolve(faulty(words)), limitMs)
    })
    const found = await Promise.race([look(), late])
    clearTimeout(timer)
    const latencyMs = Math.round((performance.now() - startedAt) * 10) / 10
    return { name, isNeeded, ...found, latencyMs }
  }
}
