import { setTimeout as pause } from 'node:timers/promises'
import { type Composition, run } from './composition.ts'

const patienceMs = 240_000

/** Waits until an API can do its work. @throws Error when that takes too long */
export const ready = async (url: string): Promise<void> => {
  for (const endsAt = performance.now() + patienceMs; performance.now() < endsAt; await pause(500)) {
    const response = await fetch(`${url}/readyz`).catch(() => null)
    if (response?.status === 200) return
  }
  throw new Error(`${url} is not ready.`)
}

/** @returns what the engine's own health check of a service comes to */
export const healthOf = async (composition: Composition, service: string): Promise<string> => {
  const container = await composition.compose('ps', '--quiet', service)
  const endsAt = performance.now() + patienceMs
  for (;;) {
    const status = await run('docker', ['inspect', '--format', '{{.State.Health.Status}}', container])
    if (status !== 'starting' || performance.now() > endsAt) return status
    await pause(1_000)
  }
}

/** Waits until Prometheus answers what is waited for. @throws Error when that takes too long */
export const prometheusSays = async (
  { prometheusUrl }: Composition,
  path: string,
  // biome-ignore lint/suspicious/noExplicitAny: a test knows the shape of what it asks for
  isThere: (data: any) => boolean,
): Promise<void> => {
  for (const endsAt = performance.now() + patienceMs; ; await pause(1_000)) {
    const { data } = (await (await fetch(`${prometheusUrl}/api/v1/${path}`)).json()) as { data: unknown }
    if (isThere(data)) return
    if (performance.now() > endsAt) throw new Error(`It did not come to it: ${JSON.stringify(data)}`)
  }
}
