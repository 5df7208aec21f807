import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'
import { freePort } from '../../src/adapters/db/embedded-server.ts'
import { root } from '../docs/pages.ts'

const execute = promisify(execFile)

/** Runs a program in the project's folder. @throws Error with what it printed when it fails */
export const run = async (program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) => {
  const { stdout } = await execute(program, [...args], { cwd: root, env, maxBuffer: 64 * 1024 * 1024 })
  return stdout.trim()
}

const answers = (program: string, args: readonly string[]): boolean => {
  try {
    execFileSync(program, [...args], { stdio: 'ignore' })
    return true
  } catch {
    // Not installed, or of no use here.
    return false
  }
}

/** Why there is no composition to be had on this machine; null when there is. */
export const whyNoComposition = (): string | null => {
  if (!answers('docker', ['info'])) return 'Docker does not answer'
  return composeCommand() === null ? 'there is neither docker compose nor docker-compose' : null
}

const composeCommand = (): readonly [string, ...string[]] | null => {
  if (answers('docker', ['compose', 'version'])) return ['docker', 'compose']
  return answers('docker-compose', ['version']) ? ['docker-compose'] : null
}

export interface Composition extends AsyncDisposable {
  readonly url: string
  readonly standbyUrl: string
  readonly consoleUrl: string
  readonly prometheusUrl: string
  readonly databasePort: number
  readonly redisPort: number
  /** @returns what it printed */
  compose(...args: readonly string[]): Promise<string>
}

const profiles = ['standby', 'console', 'observability', 'tool'].flatMap((name) => ['--profile', name])

/**
 * docker-compose.yml under a name, on ports and with volumes of its own; removed with all its data at the end.
 * @param backups the folder for them
 */
export const openComposition = async (image: string, name: string, backups: string): Promise<Composition> => {
  const command = composeCommand()
  if (command === null) throw new Error('There is neither docker compose nor docker-compose.')
  const [program, ...first] = command
  const ports = await Promise.all(Array.from({ length: 7 }, freePort))
  const [PORT, STANDBY_PORT, CONSOLE_PORT, PROMETHEUS_PORT, PHOENIX_PORT, POSTGRES_PORT, REDIS_PORT] = ports.map(String)
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    DOCKER_HOST: process.env.DOCKER_HOST,
    COUNTERSIGN_IMAGE: image,
    BACKUP_DIR: backups,
    ...{ PORT, STANDBY_PORT, CONSOLE_PORT, PROMETHEUS_PORT, PHOENIX_PORT, POSTGRES_PORT, REDIS_PORT },
  }
  const compose = (...args: readonly string[]) =>
    run(program, [...first, '--project-name', `countersign-${name}-${process.pid}`, ...args], env)
  return {
    url: `http://127.0.0.1:${PORT}`,
    standbyUrl: `http://127.0.0.1:${STANDBY_PORT}`,
    consoleUrl: `http://127.0.0.1:${CONSOLE_PORT}`,
    prometheusUrl: `http://127.0.0.1:${PROMETHEUS_PORT}`,
    databasePort: Number(POSTGRES_PORT),
    redisPort: Number(REDIS_PORT),
    compose,
    async [Symbol.asyncDispose]() {
      await compose(...profiles, 'down', '--volumes', '--remove-orphans', '--timeout', '20')
    },
  }
}
