import { expect, it } from 'vitest'
import { containerSeccompProfile } from '../../scripts/container-seccomp.ts'
import { defaultPoolSizes } from '../../src/cli/serve.ts'
import { pools } from '../../src/jobs/job.ts'
import { read } from '../docs/pages.ts'
import { drainMs, understood, variables, type Written, yaml } from './written.ts'

const { services } = yaml('docker-compose.yml')
const ours: readonly (readonly [string, Written])[] = Object.entries<Written>(services).filter(([, { image }]) =>
  image.includes('COUNTERSIGN_IMAGE'),
)
const running = ours.filter(([name]) => name !== 'migrate')

it('there is a service for each pool, as wide as the pool is by itself', async () => {
  const lines = await Promise.all(running.map(([, { command }]) => understood(command)))
  const workers = lines.filter(({ name }) => name === 'worker').map(({ given }) => [given.pools, given.concurrency])
  expect(workers).toEqual(pools.map((pool) => [[pool], defaultPoolSizes[pool]]))
  expect(lines.filter(({ name }) => name === 'api')).toHaveLength(2)
  expect((await understood(services.migrate.command)).name).toBe('migrate')
})

it('whatever .env.example names reaches every process, unless the composition sets it', () => {
  // Of the machine that a person sits at, or given by the image.
  const elsewhere = [
    'PORT',
    'HOST',
    'DATA_DIR',
    'VISUAL',
    'EDITOR',
    'COUNTERSIGN_URL',
    'COUNTERSIGN_TOKEN',
    'DOCKER_HOST',
  ]
  const expected = variables.filter((name) => !elsewhere.includes(name))
  for (const [name, { environment }] of ours) {
    expect(Object.keys(environment).toSorted(), name).toEqual(expected.toSorted())
  }
})

it('processes start after the migrations, and have time to drain', () => {
  for (const [name, { depends_on, stop_grace_period }] of running) {
    expect(depends_on.migrate, name).toEqual({ condition: 'service_completed_successfully' })
    expect(Number.parseInt(stop_grace_period, 10) * 1_000, name).toBeGreaterThan(drainMs() + 5_000)
  }
  expect(services.migrate.depends_on.postgres).toEqual({ condition: 'service_healthy' })
})

it('every port is opened on the loopback interface alone', () => {
  const ports = Object.values<Written>(services).flatMap(({ ports: opened = [] }) => opened)
  expect(ports.length).toBeGreaterThan(4)
  expect(ports.filter((port) => !String(port).startsWith('127.0.0.1:'))).toEqual([])
})

it('Redis neither evicts nor forgets', () => {
  const { command } = services.redis
  expect(command.join(' ')).toMatch(/--maxmemory-policy noeviction --appendonly yes/)
})

it("the containers' system-call filter is the sandbox's, less what a sandbox is made with", () => {
  const filter = JSON.parse(read('ops/seccomp.json'))
  expect(filter, 'run: node scripts/print-container-seccomp.ts').toEqual(containerSeccompProfile())
  const refused = filter.syscalls.flatMap(({ names }: Written) => names)
  expect(refused).toEqual(expect.arrayContaining(['ptrace', 'bpf', 'keyctl', 'clone3', 'io_uring_setup', 'setns']))
  expect(refused).not.toEqual(expect.arrayContaining(['mount']))
  for (const [name, { security_opt }] of running) expect(security_opt, name).toContain('seccomp:ops/seccomp.json')
})
