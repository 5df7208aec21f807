import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { NOBODY } from '../../src/adapters/sandbox/command-user.ts'
import { defaultLimits } from '../../src/adapters/sandbox/default-limits.ts'
import { createDockerSandbox, DEFAULT_IMAGE } from '../../src/adapters/sandbox/docker.ts'
import { containerSpec, OWNER_LABEL } from '../../src/adapters/sandbox/docker-container.ts'
import { containerOwner, sweepContainers } from '../../src/adapters/sandbox/docker-leftovers.ts'
import { dockerSeccompProfile } from '../../src/adapters/sandbox/docker-seccomp.ts'
import { createFrameReader } from '../../src/adapters/sandbox/docker-stream.ts'
import { absentCalls, refusedCalls } from '../../src/adapters/sandbox/syscalls.ts'
import { SandboxUnavailableError } from '../../src/domain/errors.ts'
import { proposed } from '../factories/gate.ts'
import { addsFile, readyProject } from '../factories/pipeline.ts'
import { endedTestRun, testCase } from '../factories/testing.ts'
import { scriptedEngine, testEngine } from '../support/docker.ts'
import { startTestServer } from '../support/server.ts'
import { createFixture, processAppears, reasonToSkip } from './sandbox-fixture.ts'

const skipReason = await reasonToSkip('docker')
const note = skipReason === null ? '' : ` (skipped: ${skipReason})`
const image = process.env.SANDBOX_IMAGE ?? DEFAULT_IMAGE
/** Never made: what is tried with it ends before there is a run. */
const scratch = join(tmpdir(), 'countersign-test-no-scratch')
/** Where the engine keeps what runs: its own list, of this process's containers alone. */
const ownContainers = async () => {
  const filters = JSON.stringify({ label: [`${OWNER_LABEL}=${containerOwner()}`] })
  return (await testEngine().must('GET', '/containers/json', { query: { all: 'true', filters } })) as readonly object[]
}
const fitEngine = {
  OSType: 'linux',
  Architecture: 'x86_64',
  MemoryLimit: true,
  PidsLimit: true,
  SecurityOptions: ['name=seccomp,profile=default'],
}

describe('an engine that cannot be used', () => {
  it('is said to be absent, with what to install, and runs nothing', async () => {
    await using fixture = await createFixture({ driver: 'docker', docker: { host: 'unix:///nowhere/docker.sock' } })
    expect(await fixture.sandbox.availability()).toMatchObject({
      available: false,
      driver: 'docker',
      reason: 'There is no Docker engine at /nowhere/docker.sock.',
      remedy: expect.stringContaining('apt-get install -y docker.io'),
    })
    const running = fixture.run(['true'])
    await expect(running).rejects.toThrow(SandboxUnavailableError)
    await expect(running).rejects.toThrow(/apt-get install -y docker\.io/)
  })

  it.each(['tcp://127.0.0.1:2375', 'ssh://host', 'unix://relative'])('is refused at %s', async (host) => {
    const found = await createDockerSandbox({ host, scratch }).availability()
    expect(found).toMatchObject({ available: false, reason: expect.stringContaining('cannot see a workspace') })
  })

  it.each([
    [{ OSType: 'windows' }, 'runs windows containers'],
    [{ MemoryLimit: false }, 'cannot limit memory'],
    [{ PidsLimit: false }, 'cannot limit the number of processes'],
    [{ SecurityOptions: null }, 'has no system-call filter'],
    [{ SecurityOptions: ['name=seccomp', 'name=rootless'] }, 'is rootless'],
    [{ Architecture: 'riscv64' }, 'runs on riscv64'],
  ])('is unfit with %j', async (lack, reason) => {
    await using engine = await scriptedEngine((_request, response) =>
      response.end(JSON.stringify({ ...fitEngine, ...lack })),
    )
    const found = await createDockerSandbox({ host: engine.host, scratch }).availability()
    expect(found).toMatchObject({ available: false, reason: expect.stringContaining(reason) })
    expect(engine.requests).toEqual(['GET /info'])
  })

  it('is looked at again, since it may be mended while the server runs', async () => {
    let broken = true
    await using engine = await scriptedEngine((request, response) => {
      if (broken) return response.destroy()
      if (request.url === '/info') return response.end(JSON.stringify(fitEngine))
      if (request.url?.startsWith('/containers/json')) return response.end('[]')
      return response.writeHead(404).end(JSON.stringify({ message: 'No such image' }))
    })
    const sandbox = createDockerSandbox({ host: engine.host, image: 'absent:1', scratch })
    expect(await sandbox.availability()).toMatchObject({ available: false, reason: expect.stringContaining('socket') })
    broken = false
    expect(await sandbox.availability()).toMatchObject({
      available: false,
      reason: 'The image absent:1 is not on this machine.',
      remedy: 'docker pull absent:1',
    })
  })

  it('gives its words as one bounded line, whatever they hold', async () => {
    await using engine = await scriptedEngine((_request, response) =>
      response.writeHead(500).end(JSON.stringify({ message: `\x1b[2Jbad\n${'x'.repeat(5_000)}` })),
    )
    const found = await createDockerSandbox({ host: engine.host, scratch }).availability()
    expect(found).toMatchObject({ available: false, reason: expect.stringMatching(/^[^\p{C}]{50,1100}$/u) })
  })

  it.skipIf(process.getuid?.() === 0)('may be closed to the server’s user, who is told of the group', async () => {
    await using engine = await scriptedEngine((_request, response) => response.end('{}'))
    await chmod(engine.host.replace('unix://', ''), 0)
    const found = await createDockerSandbox({ host: engine.host, scratch }).availability()
    expect(found).toMatchObject({ available: false, remedy: expect.stringContaining('usermod -aG docker') })
  })
})

describe('what the engine is asked for', () => {
  it('has no network, no capability, no writable root and nothing of the host but what the workspace begins with', () => {
    const limits = defaultLimits.quick
    const workspace = { sources: ['/base'], removals: null, size: { bytes: 4096, entries: 3 } }
    const user = { uid: 7, gid: 8 }
    const spec = containerSpec({ image, workspace, user, limits, seccompProfile: '{}', owner: 'o' }) as {
      HostConfig: { Tmpfs: Record<string, string> }
    }
    expect(spec.HostConfig).toMatchObject({
      NetworkMode: 'none',
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges', 'seccomp={}'],
      IpcMode: 'private',
      Mounts: [{ Type: 'bind', Source: '/base', Target: '/run/countersign/0', ReadOnly: true }],
      Memory: limits.memoryBytes + 4096,
      MemorySwap: limits.memoryBytes + 4096,
      LogConfig: { Type: 'none' },
    })
    const bounds = `uid=7,gid=8,size=${limits.workspaceBytes + 4096},nr_inodes=${limits.workspaceFiles + 4}`
    expect(spec.HostConfig.Tmpfs['/workspace']).toContain(bounds)
    expect(JSON.stringify(spec)).not.toMatch(/"(Privileged|CapAdd|Devices|Binds|PidMode|VolumesFrom)"/)
  })

  it.each(['x64', 'arm64'] as const)('has a filter with every call of the table (%s)', (architecture) => {
    const { syscalls } = JSON.parse(dockerSeccompProfile(architecture)) as {
      syscalls: { names: string[]; args?: [] }[]
    }
    const named = new Set(syscalls.filter(({ args }) => args === undefined).flatMap(({ names }) => names))
    const known = [...refusedCalls, ...absentCalls].filter((call) => call[architecture === 'x64' ? 1 : 2] !== null)
    expect(known.map(([name]) => name).filter((name) => !named.has(name))).toEqual([])
  })
})

it('takes the engine’s frames apart wherever they are cut', () => {
  const frame = (kind: number, text: string) => {
    const header = Buffer.alloc(8)
    header[0] = kind
    header.writeUInt32BE(Buffer.byteLength(text), 4)
    return Buffer.concat([header, Buffer.from(text)])
  }
  const stream = Buffer.concat([frame(1, 'out '), frame(2, 'error'), frame(1, ''), frame(1, 'é end')])
  for (let size = 1; size <= stream.length; size++) {
    const got = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
    const reader = createFrameReader({
      stdout: (chunk) => got.stdout.push(chunk),
      stderr: (chunk) => got.stderr.push(chunk),
    })
    for (let start = 0; start < stream.length; start += size) reader.add(stream.subarray(start, start + size))
    expect([Buffer.concat(got.stdout).toString(), Buffer.concat(got.stderr).toString()]).toEqual(['out é end', 'error'])
  }
})

describe.skipIf(skipReason !== null)(`containers${note}`, () => {
  it('says how it isolates, and with which image', async () => {
    await using fixture = await createFixture({ driver: 'docker' })
    expect(await fixture.sandbox.availability()).toMatchObject({
      available: true,
      detail: expect.stringMatching(/^Docker .* image .* memory limited by cgroup v[12]/),
    })
  })

  it('is what auto takes where bubblewrap cannot be had', async () => {
    await using fixture = await createFixture({ driver: 'auto', bubblewrap: '/nowhere/bwrap' })
    expect(fixture.sandbox.driver).toBe('docker')
    expect(await fixture.run(['true'])).toMatchObject({ exitCode: 0, driver: 'docker' })
  })

  it('are gone when a run is, however it ended', async () => {
    await using fixture = await createFixture({ driver: 'docker' })
    await fixture.run(['true'])
    await fixture.run(['sleep', '60'], { limits: { ...defaultLimits.quick, wallMs: 300, graceMs: 300 } })
    await fixture.run(['sleep', '60'], { signal: AbortSignal.timeout(200) })
    expect(await ownContainers()).toEqual([])
  })

  it('are swept when their server is no more, and only then', async () => {
    const engine = testEngine()
    const [machine, pid] = containerOwner().split('/')
    const ended = spawnSync('true').pid
    const make = async (owner: string) => {
      const name = `countersign-${randomBytes(8).toString('hex')}`
      const limits = defaultLimits.quick
      const workspace = { sources: [], removals: null, size: { bytes: 0, entries: 0 } }
      const profile = dockerSeccompProfile(process.arch === 'arm64' ? 'arm64' : 'x64')
      const body = containerSpec({ image, workspace, user: NOBODY, limits, seccompProfile: profile, owner })
      await engine.must('POST', '/containers/create', { query: { name }, body })
      await engine.must('POST', `/containers/${name}/start`)
      return name
    }
    const left = [await make(`${machine}/${ended}/1`), await make(`${machine}/${pid}/another-start`)]
    const kept = await make(containerOwner())
    expect(await sweepContainers(engine)).toBeGreaterThanOrEqual(2)
    for (const name of left) expect((await engine.ask('GET', `/containers/${name}/json`)).status).toBe(404)
    expect((await engine.ask('GET', `/containers/${kept}/json`)).body).toMatchObject({ State: { Running: true } })
    await engine.must('DELETE', `/containers/${kept}`, { query: { force: 'true' } })
  })

  it('has the image that a command names, and says what to do when it is not there or named badly', async () => {
    await using fixture = await createFixture({ driver: 'docker' })
    expect((await fixture.run(['node', '-p', '1'], { image })).stdout).toBe('1\n')
    await expect(fixture.run(['true'], { image: 'nowhere.invalid/absent:1' })).rejects.toThrow(
      'To fix it: docker pull nowhere.invalid/absent:1',
    )
    for (const bad of ['../x', 'a b', 'x?y', '', '-x']) {
      await expect(fixture.run(['true'], { image: bad })).rejects.toThrow(TypeError)
    }
    expect(await ownContainers()).toEqual([])
  })

  it('that others remove are a fault of the sandbox, and no verdict on the command', async () => {
    await using fixture = await createFixture({ driver: 'docker' })
    const marker = `marker-${randomBytes(8).toString('hex')}`
    const running = fixture.run(['sh', '-c', 'sleep 60; true', marker])
    running.catch(() => {})
    await processAppears(marker)
    const [{ Id }] = (await ownContainers()) as readonly [{ Id: string }]
    await testEngine().must('DELETE', `/containers/${Id}`, { query: { force: 'true' } })
    await expect(running).rejects.toThrow(SandboxUnavailableError)
  })

  it('refuses an image that would bring writable places of its own', async () => {
    const tag = `countersign-test-${randomBytes(6).toString('hex')}`
    const engine = testEngine()
    const { Id } = await engine.must('POST', '/containers/create', { body: { Image: image, Cmd: ['true'] } })
    const change = { repo: tag, container: Id as string }
    await engine.must('POST', '/commit', { query: change, body: { Image: image, Volumes: { '/data': {} } } })
    try {
      await using fixture = await createFixture({ driver: 'docker' })
      await expect(fixture.run(['true'], { image: tag })).rejects.toThrow('declares volumes (/data)')
    } finally {
      await engine.must('DELETE', `/containers/${Id}`, { query: { force: 'true', v: 'true' } })
      await engine.must('DELETE', `/images/${tag}`)
    }
  })

  it('keeps variables out of every argument that the machine shows', async () => {
    await using fixture = await createFixture({ driver: 'docker' })
    const secret = `secret-${randomBytes(8).toString('hex')}`
    const script = `import os, time; print(os.environ["KEY"]); time.sleep(0.3)`
    const running = fixture.python(script, { environment: { KEY: secret } })
    const seen = spawnSync('sh', [
      '-c',
      'for i in 1 2 3 4 5 6; do cat /proc/[0-9]*/cmdline 2>/dev/null; sleep 0.1; done',
    ])
    expect((await running).stdout).toBe(`${secret}\n`)
    expect(seen.stdout.includes(secret)).toBe(false)
  })
})

it.skipIf(skipReason !== null)(`a diff’s tests run in containers where SANDBOX=docker${note}`, async () => {
  const { DOCKER_HOST = '', SANDBOX_IMAGE = '' } = process.env
  await using server = await startTestServer({ env: { SANDBOX: 'docker', DOCKER_HOST, SANDBOX_IMAGE } })
  const projectId = await readyProject(server)
  await testCase(server, projectId, { name: 'reads', command: ['sh', '-c', 'cat note.txt && test -f /.dockerenv'] })
  await testCase(server, projectId, { name: 'fails', command: ['python3', '-c', 'import sys; sys.exit(3)'] })
  const diff = await proposed(server, projectId, { content: addsFile('note.txt', ['A note.']) })
  const run = await endedTestRun(server, diff.id)
  expect(run).toMatchObject({ status: 'FAILED', sandbox: 'docker', passed: 1, failed: 1 })
  expect(run.results.toSorted((a, b) => b.name.localeCompare(a.name))).toMatchObject([
    { name: 'reads', status: 'PASSED', stdout: 'A note.\n' },
    { name: 'fails', status: 'FAILED', exitCode: 3 },
  ])
  const { health } = await server.query('{ health { components { name status detail } } }')
  expect(health.components).toContainEqual({ name: 'sandbox', status: 'ok', detail: expect.stringContaining('Docker') })
  expect(await ownContainers()).toEqual([])
})
