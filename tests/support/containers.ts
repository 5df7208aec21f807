/** Whether the tests' services run in containers, and how one is started. */

import { request } from 'node:http'
import type { StartedTestContainer } from 'testcontainers'

/** Set by `npm run test:containers`: then there is nothing else to fall back on. */
export const containersAreRequired = process.env.COUNTERSIGN_TEST_CONTAINERS === 'required'

/** What pulling an image may take, in milliseconds. A machine without a network says so, or says nothing. */
const patienceMs = containersAreRequired ? 600_000 : 120_000

export type FoundContainer<Container> = { readonly container: Container } | { readonly reason: string }

/**
 * Starts a container where Docker answers and nobody named a service of their own.
 * @param given the address of a service that somebody configured; it does not count when containers are required
 * @returns the reason, in words, where there is no container; when one was to be expected it is printed too
 * @throws Error when containers are required and this one cannot be had
 */
export async function findContainer<Container extends StartedTestContainer>(
  image: string,
  given: string | undefined,
  start: () => Promise<Container>,
): Promise<FoundContainer<Container>> {
  // Where they are required, testcontainers looks for the engine itself: it knows more places than the default one.
  if (!containersAreRequired) {
    if (given) return { reason: 'another one is configured' }
    const silence = await whyDockerIsSilent()
    if (silence !== null) return { reason: `no Docker: ${silence}` }
  }
  try {
    return { container: await inTime(start()) }
  } catch (error) {
    const reason = `${image} did not start in a container: ${error instanceof Error ? error.message : String(error)}`
    if (containersAreRequired) throw new Error(reason, { cause: error })
    process.stderr.write(`Docker answers, but ${reason.split('\n', 1)[0]}; going on without it.\n`)
    return { reason }
  }
}

/** One that comes too late is stopped again. */
async function inTime<Container extends StartedTestContainer>(starting: Promise<Container>): Promise<Container> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    starting.then(
      (container) => container.stop(),
      () => undefined,
    )
    late.reject(new Error(`it took longer than ${patienceMs / 1000} s`))
  }, patienceMs)
  try {
    return await Promise.race([starting, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Asks the Docker engine for a sign of life, for at most two seconds; null when it gives one. */
async function whyDockerIsSilent(): Promise<string | null> {
  const host = process.env.DOCKER_HOST || 'unix:///var/run/docker.sock'
  const address = URL.parse(host)
  if (address === null) return `DOCKER_HOST is no URL: ${host}`
  const { protocol, hostname, port, pathname } = address
  const target =
    protocol === 'unix:'
      ? { socketPath: pathname, path: '/_ping' }
      : { host: hostname, port: port || '2375', path: '/_ping' }
  return await new Promise((resolve) => {
    const ping = request({ ...target, timeout: 2_000 }, (response) => {
      response.resume()
      resolve(response.statusCode === 200 ? null : `${host} answers ${response.statusCode}`)
    })
    ping.once('timeout', () => ping.destroy(new Error('no answer within 2 seconds')))
    ping.once('error', (error) => resolve(`${host}: ${error.message}`))
    ping.end()
  })
}
