import { expect, it } from 'vitest'
import { containerSeccompProfile } from '../../scripts/container-seccomp.ts'
import { defaultPoolSizes } from '../../src/cli/serve.ts'
import { pools } from '../../src/jobs/job.ts'
import { read, tableRows } from '../docs/pages.ts'
import { memoryNeeded, mibOf, processesNeeded } from './needs.ts'
import { drainMs, understood, variables, type Written, yaml } from './written.ts'

const { services, volumes } = yaml('docker-compose.yml')
const every = Object.entries<Written>(services)
const ours = every.filter(([, { image }]) => image.includes('COUNTERSIGN_IMAGE'))
const running = ours.filter(([name]) => !['migrate', 'tool'].includes(name))
const sandboxing = ['api', 'api-standby', 'console', 'phases', 'candidates', 'sessions', 'tests', 'maintenance']

it('there is a service for each pool, as wide as the pool is by itself', async () => {
  const lines = await Promise.all(running.map(([, { command }]) => understood(command)))
  const workers = lines.filter(({ name }) => name === 'worker').map(({ given }) => [given.pools, given.concurrency])
  expect(workers).toEqual(pools.map((pool) => [[pool], defaultPoolSizes[pool]]))
  expect(lines.filter(({ name }) => name === 'api')).toHaveLength(3)
  expect((await understood(services.migrate.command)).name).toBe('migrate')
})

/** Without a file .env. */
const byDefault = (text: string): string => text.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')

/** Of the machine that a person sits at, or given by the image. */
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

it('whatever .env.example names reaches every process, unless the composition sets it', () => {
  const expected = variables.filter((name) => !elsewhere.includes(name))
  for (const [name, { environment }] of ours) {
    const given = Object.keys(environment).map((variable) => variable.replace(/_FILE$/, ''))
    expect(given.toSorted(), name).toEqual(expected.toSorted())
  }
})

it('the page names the variables that a file .env does not set for the containers', () => {
  const fixed = Object.entries<Written>(services.api.environment)
    .filter(([name, value]) => !String(value).includes(`\${${name}`))
    .map(([name]) => name.replace(/_FILE$/, ''))
  const [sentence = ''] = /^A file `\.env` beside it may set .*$/m.exec(read('docs/deployment.md')) ?? []
  const named = [...sentence.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name)
  expect(named.toSorted()).toEqual([...fixed, ...elsewhere].toSorted())
})

it('processes start after the migrations, and have time to drain, however long they are given', () => {
  for (const [name, { depends_on, stop_grace_period }] of running) {
    expect(depends_on.migrate, name).toEqual({ condition: 'service_completed_successfully' })
    for (const DRAIN_SECONDS of ['', '0', '300']) {
      const period = stop_grace_period.replace(/\$\{DRAIN_SECONDS:-(\d+)\}/, DRAIN_SECONDS || '$1')
      const [, minutes, seconds] = /^(\d+)m(\d+)s$/.exec(period) ?? []
      const graceMs = Number(minutes) * 60_000 + Number(seconds) * 1_000
      expect(graceMs, name).toBeGreaterThan(drainMs({ DRAIN_SECONDS }) + 5_000)
    }
  }
  expect(services.migrate.depends_on).toEqual({ role: { condition: 'service_completed_successfully' } })
})

it('every port is opened on the loopback interface alone', () => {
  const ports = every.flatMap(([, { ports: opened = [] }]) => opened)
  expect(ports.length).toBeGreaterThan(4)
  expect(ports.filter((port) => !String(port).startsWith('127.0.0.1:'))).toEqual([])
})

it('Redis neither evicts nor forgets', () => {
  expect(services.redis.command.join(' ')).toMatch(/--maxmemory-policy noeviction --appendonly yes/)
})

it('no password is written down: a service makes them, and all others read what they need of it', () => {
  const text = read('docker-compose.yml')
  expect(text).not.toMatch(/PASSWORD\s*[:=]\s*['"]?\$?\{?\w*:-/)
  expect(text).not.toMatch(/:\/\/\w+:(?!%s)[^@\s]+@/)
  expect(services.redis.command.join(' ')).toContain('--requirepass "$$(cat /run/secrets/redis)"')
  expect(services.role.command.join(' ')).toContain('nosuperuser nocreatedb nocreaterole')
  expect(services.api.environment.DATABASE_URL_FILE).toBe('/run/secrets/database-url')
  const writers = every.filter(([, { volumes: mounts = [] }]) => mounts.includes('secrets:/run/secrets'))
  expect(writers.map(([name]) => name)).toEqual(['secrets'])
  expect(services.secrets.network_mode).toBe('none')
})

it('only what has a sandbox may mount; no process of ours keeps any other right than to become another user', () => {
  const basic = ['CHOWN', 'SETGID', 'SETPCAP', 'SETUID']
  for (const [name, { cap_add, cap_drop, security_opt, user }] of ours) {
    const needsSandbox = sandboxing.includes(name)
    expect(cap_drop, name).toEqual(['ALL'])
    expect(cap_add, name).toEqual(needsSandbox ? [...basic, 'SYS_ADMIN'] : basic)
    expect(security_opt.includes('seccomp:ops/seccomp.json'), name).toBe(needsSandbox)
    expect(security_opt, name).toContain('no-new-privileges:true')
    expect(user, name).toBe('root')
  }
})

it('every service has limits, those of a pool as large as its jobs need at the worst', async () => {
  for (const [name, { mem_limit, pids_limit }] of every) {
    expect(mibOf(mem_limit), name).toBeGreaterThan(0)
    expect(pids_limit, name).toBeGreaterThan(0)
  }
  for (const [name, { command, mem_limit, pids_limit }] of running) {
    const { given } = await understood(command)
    const [pool = null] = given.pools ?? []
    expect(mibOf(mem_limit), name).toBeGreaterThanOrEqual(memoryNeeded(pool, given.concurrency))
    expect(pids_limit, name).toBeGreaterThanOrEqual(processesNeeded(pool, given.concurrency))
  }
})

it('the page tells the same limits', () => {
  const told = tableRows('docs/deployment.md', 'pool', 'jobs at once', 'memory', 'of which')
  const expected = pools.map((pool) => [`\`${pool}\``, String(defaultPoolSizes[pool]), mibOf(services[pool].mem_limit)])
  const gib = (cell: string) => Number(/^([\d.]+) GiB$/.exec(cell)?.[1]) * 1_024
  expect(told.map(([pool, jobs, memory = '']) => [pool, jobs, gib(memory)])).toEqual(expected)
})

it('every service that goes on says whether it is well', () => {
  const silent = every.filter(
    ([, { restart, healthcheck, image }]) =>
      restart === 'unless-stopped' && healthcheck?.test === undefined && !image.includes('COUNTERSIGN_IMAGE'),
  )
  expect(silent.map(([name]) => name)).toEqual([])
})

it('the console is an API for administrators on a port of its own', () => {
  const { environment, ports, profiles } = services.console
  expect(environment).toMatchObject({ GRAPHIQL: 'true', INTROSPECTION: 'true', QUEUE_BOARD: 'true' })
  expect(profiles).toEqual(['console'])
  expect(ports.map(byDefault)).toEqual(['127.0.0.1:4002:4000'])
})

it('backups go into a volume of their own, and files that variables name come from a folder', () => {
  expect(services.tool.volumes.map(byDefault)).toContain('backups:/backups')
  for (const [name, { volumes: mounts }] of ours) {
    expect(mounts.map(byDefault), name).toContain('./ops/config:/config:ro')
  }
  const named = every.flatMap(([, { volumes: mounts = [] }]) =>
    mounts.map((mount: string) => byDefault(mount).split(':')[0] ?? ''),
  )
  expect([...new Set(named.filter((source) => !source.startsWith('.')))].toSorted()).toEqual(
    Object.keys(volumes).toSorted(),
  )
})

it("the containers' system-call filter is the sandbox's, less what a sandbox is made with", () => {
  const filter = JSON.parse(read('ops/seccomp.json'))
  expect(filter, 'run: node scripts/print-container-seccomp.ts').toEqual(containerSeccompProfile())
  const refused = filter.syscalls.flatMap(({ names }: Written) => names)
  expect(refused).toEqual(expect.arrayContaining(['ptrace', 'bpf', 'keyctl', 'clone3', 'io_uring_setup', 'setns']))
  expect(refused).not.toEqual(expect.arrayContaining(['mount']))
})
