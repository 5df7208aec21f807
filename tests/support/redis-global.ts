import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestProject } from 'vitest/node'
import { freePort } from '../../src/adapters/db/embedded-server.ts'
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
  if ((process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'redis-server')))) {
    return await startServer()
  }
  return none(`no REDIS_URL, ${found.reason}, and no redis-server on PATH`)
}

async function startContainer() {
  // It takes a second to load, and most runs have no need of it.
  const { RedisContainer } = await import('@testcontainers/redis')
  return await new RedisContainer(image).withCommand(['redis-server', ...redisOptions]).start()
}

function none(reason: string): TestRedis {
  return { redis: { url: null, reason }, stop: async () => undefined }
}

async function startServer(): Promise<TestRedis> {
  const scratch = await temporaryDirectory()
  for (let triesLeft = 5; ; triesLeft -= 1) {
    const port = await freePort()
    const command = [
      'redis-server',
      '--bind',
      '127.0.0.1',
      '--port',
      String(port),
      '--dir',
      scratch.path,
      ...redisOptions,
    ]
    // The shell ends the server when the pipe from this process closes, however this process ends.
    const script = '"$@" </dev/null & server=$!; read -r _; kill "$server"; wait "$server"'
    const child = spawn('/bin/sh', ['-c', script, 'sh', ...command], {
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const stop = async () => {
      if (child.exitCode !== null) return
      child.stdin.end()
      await once(child, 'exit')
    }
    const lines: string[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line)
      if (/Ready to accept connections/.test(line)) break
      if (/Address already in use|Failed listening/.test(line)) break
    }
    if (/Ready to accept connections/.test(lines.at(-1) ?? '')) {
      child.stdout.resume()
      const url = `redis://127.0.0.1:${port}`
      return { redis: { url }, stop: () => stop().then(() => scratch[Symbol.asyncDispose]()) }
    }
    await stop()
    if (triesLeft > 0) continue
    await scratch[Symbol.asyncDispose]()
    return none(`redis-server did not start: ${lines.slice(-5).join(' | ')}`)
  }
}
