import type { TestProject } from 'vitest/node'
import { startRedis } from '../../bench/harness/redis.ts'
import { findContainer } from './containers.ts'
import type { ProvidedRedis } from './provided.ts'
import { temporaryDirectory } from './temporary-directory.ts'

interface TestRedis {
  readonly redis: ProvidedRedis
  stop(): Promise<void>
}

// A queue must not lose keys to eviction, and nothing here is worth a disk.
const redisOptions = ['--maxmemory-policy', 'noeviction', '--save', '', '--appendonly', 'no']
const image = 'redis:8-alpine'

/**
 * One Redis for the whole run: the one that REDIS_URL names, else a container where Docker answers, else `redis-server`
 * from PATH. Without any, tests are told why and skip by name.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { redis, stop } = await findRedis()
  project.provide('redis', redis)
  return stop
}

async function findRedis(): Promise<TestRedis> {
  const given = process.env.REDIS_URL
  const found = await findContainer(image, given, startContainer)
  if ('container' in found) {
    const { container } = found
    return {
      redis: { url: container.getConnectionUrl() },
      stop: async () => {
        await container.stop()
      },
    }
  }
  if (given) return { redis: { url: given }, stop: async () => undefined }
  return (await startServer()) ?? none(`no REDIS_URL, ${found.reason}, and no redis-server on PATH`)
}

async function startContainer() {
  // It takes a second to load, and most runs have no need of it.
  const { RedisContainer } = await import('@testcontainers/redis')
  return await new RedisContainer(image).withCommand(['redis-server', ...redisOptions]).start()
}

function none(reason: string): TestRedis {
  return { redis: { url: null, reason }, stop: async () => undefined }
}

/** Null where there is no redis-server on PATH. */
async function startServer(): Promise<TestRedis | null> {
  const scratch = await temporaryDirectory()
  const remove = () => scratch[Symbol.asyncDispose]()
  try {
    const started = await startRedis(scratch.path, redisOptions)
    if (started) return { redis: { url: started.url }, stop: () => started.stop().then(remove) }
  } catch (error) {
    await remove()
    return none(error instanceof Error ? error.message : String(error))
  }
  await remove()
  return null
}
