import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestProject } from 'vitest/node'
import { freePort } from '../../src/adapters/db/embedded-server.ts'
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
 * One Redis for the whole run: the one that REDIS_URL names, else `redis-server` from PATH, else a container
 * where Docker answers. Without any, tests are told why and skip by name.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { redis, stop } = await findRedis()
  project.provide('redis', redis)
  return stop
}

async function findRedis(): Promise<TestRedis> {
  const given = process.env.REDIS_URL
  if (given) return { redis: { url: given }, stop: async () => undefined }
  if ((process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'redis-server')))) {
    return await startServer()
  }
  const silence = await whyDockerIsSilent()
  if (silence === null) return await startContainer()
  return none(`no REDIS_URL, no redis-server on PATH, and no Docker: ${silence}`)
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

/** Asks the Docker engine for a sign of life, for at most two seconds; null when it gives one. */
async function whyDockerIsSilent(): Promise<string | null> {
  const host = process.env.DOCKER_HOST || 'unix:///var/run/docker.sock'
  const { protocol, hostname, port, pathname } = new URL(host)
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

async function startContainer(): Promise<TestRedis> {
  try {
    // It takes a second to load, and most runs have no need of it.
    const { RedisContainer } = await import('@testcontainers/redis')
    const container = await new RedisContainer(image)
      .withCommand(['redis-server', ...redisOptions])
      .withStartupTimeout(60_000)
      .start()
    return {
      redis: { url: container.getConnectionUrl() },
      stop: async () => {
        await container.stop()
      },
    }
  } catch (error) {
    return none(`Docker answers, but ${image} did not start: ${error instanceof Error ? error.message : String(error)}`)
  }
}
