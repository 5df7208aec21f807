import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SetUpRequest } from '../../src/domain/ports/sandbox.ts'
import { setCanary } from './canary.ts'
import { createFixture, type Fixture, processAppears, processesMarked, reasonToSkip } from './sandbox-fixture.ts'

const skipReason = await reasonToSkip()
const MIB = 1024 * 1024
const limits = {
  wallMs: 60_000,
  memoryBytes: 512 * MIB,
  processes: 200,
  fileBytes: 64 * MIB,
  layerBytes: 48 * MIB,
  layerFiles: 2_000,
  logBytes: 20_000,
}
const never = new AbortController().signal
const shell = (script: string) => ['sh', '-c', script]
const isRoot = process.getuid?.() === 0

describe.skipIf(skipReason !== null)(`set-up in bubblewrap${skipReason ? ` (skipped: ${skipReason})` : ''}`, () => {
  let fixture: Fixture
  beforeAll(async () => {
    fixture = await createFixture()
  })
  afterAll(() => fixture?.[Symbol.asyncDispose]())

  let count = 0
  const setUp = async (commands: SetUpRequest['commands'], more: Partial<SetUpRequest> = {}) => {
    const layer = join(fixture.privateDirectory, 'layers', `layer-${count++}`)
    const request = { layer, commands, keyFiles: [], limits, signal: never, onLog: () => {}, ...more }
    return { layer, ...(await fixture.sandbox.setUp(request)) }
  }
  const layers = () => readdirSync(join(fixture.privateDirectory, 'layers'))

  it('shows neither secrets of the host nor the server, and no process or socket of its services', async () => {
    await using canary = await setCanary(fixture.privateDirectory)
    const script = `
      # What was put there just now: a machine may have gigabytes of other things.
      find /home /root /tmp /var /opt /run /etc /workspace ${fixture.privateDirectory} \
        -type f -mtime -1 -size -64k -exec grep -s "$1" {} + | grep . && echo LEAK
      tr '\\0' '\\n' < /proc/1/environ; env
      ls ${fixture.privateDirectory} ${process.cwd()}/package.json && echo LEAK
      cat $(echo "$2" | tr : ' ') && echo LEAK
      grep -v ':[*!]' /etc/shadow && echo LEAK
      ls /proc | grep -c '^[0-9]*$'
      ls /sys /dev/sd* /dev/vd* /dev/mem && echo LEAK
      exit 0`
    const sockets = `const net = require('net')
      for (const path of [process.argv[1], '\\0' + process.argv[2]])
        net.connect({ path }).on('error', ({ code }) => console.log('socket', code)).on('connect', () => console.log('LEAK'))`
    const { failure, log } = await setUp([
      ['sh', '-c', script, 'look', canary.secret, `${canary.environment.CANARY_PATHS}`],
      ['node', '-e', sockets, `${canary.environment.CANARY_SOCKET}`, `${canary.environment.CANARY_ABSTRACT}`],
    ])
    expect(failure).toBeNull()
    expect(log.split('\n').filter((line) => line === 'LEAK')).toEqual([])
    // As it was given, and not once more.
    expect(log.split(canary.secret)).toHaveLength(2)
    expect(log.match(/socket EAFNOSUPPORT/g)).toHaveLength(2)
    expect(await canary.faults()).toEqual([])
  })

  it.skipIf(!isRoot)('changes the system for later commands and the layer, and never the machine', async () => {
    const { failure, log, layer } = await setUp([
      shell('echo "echo tool of setup" > /usr/bin/setup-tool && chmod 6755 /usr/bin/setup-tool && rm /usr/bin/cut'),
      shell(
        'id -u; setup-tool; touch /etc/changed /opt/thing; chown 33:33 /opt/thing; mknod /usr/bin/zero c 1 5 || echo no device',
      ),
    ])
    expect(failure).toBeNull()
    expect(log).toContain('\n0\ntool of setup\n')
    expect(log).toContain('no device')
    for (const path of ['/usr/bin/setup-tool', '/etc/changed', '/opt/thing']) expect(existsSync(path)).toBe(false)
    expect(existsSync('/usr/bin/cut')).toBe(true)
    const tool = lstatSync(join(layer, 'system/usr/bin/setup-tool'))
    // Whoever owns it is nobody on this machine, and nobody becomes its owner.
    expect([tool.mode & 0o7000, tool.uid >= 2_000_000_000]).toEqual([0, true])
    const run = await fixture.run(shell('setup-tool; command -v cut; ls /opt; touch /usr/bin/x'), { layer })
    expect(run).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(/^tool of setup\n(.*\n)?thing\n$/) })
    expect(run.stderr).toContain('Read-only file system')
    expect((await fixture.run(shell('command -v cut && command -v setup-tool'))).stdout).toMatch(/cut\n$/)
  })

  it('believes nothing of what commands leave: links are not followed, files of any kind and mode removed', async () => {
    const outside = join(fixture.privateDirectory, 'outside')
    await mkdir(outside)
    await writeFile(join(outside, 'lock.txt'), 'kept')
    const keyFiles = [
      { path: 'sub/lock.txt', content: 'locked' },
      { path: 'script.sh', content: '#!/bin/sh\necho ran\n', isExecutable: true },
    ]
    const { failure, layer, log } = await setUp(
      [
        shell('./script.sh; cat sub/lock.txt'),
        shell(
          `rm -r sub && ln -s ${outside} sub; mkfifo pipe; ln -s /etc/passwd link; mkdir -p deep/er && chmod 000 deep`,
        ),
      ],
      { keyFiles },
    )
    expect([failure, log.includes('ran\nlocked')]).toEqual([null, true])
    expect(await readFile(join(outside, 'lock.txt'), 'utf8')).toBe('kept')
    // The project has its own.
    expect(existsSync(join(layer, 'workspace/script.sh'))).toBe(false)
    await fixture.sandbox.removeLayer(layer)
    expect([await fixture.sandbox.hasLayer(layer), existsSync(layer)]).toEqual([false, false])
    await fixture.sandbox.removeLayer(layer)
    expect(await readFile(join(outside, 'lock.txt'), 'utf8')).toBe('kept')
  })

  it('ends what takes too much time, disk, files or memory, and says which; no layer is left', async () => {
    const cases: readonly (readonly [readonly string[], Partial<typeof limits>, RegExp])[] = [
      [
        shell('setsid sleep 613.25 & sleep 613.25'),
        { wallMs: 1_000 },
        /Command 1 of 1 .* was ended: all commands together may take 1 s/,
      ],
      [shell('head -c 60000000 /dev/zero > big; sleep 60'), {}, /may have 50331648 bytes/],
      [shell('i=0; while [ $i -lt 3000 ]; do : > file-$i; i=$((i+1)); done'), {}, /may have 2000 files/],
      [['python3', '-c', 'x = b"x" * (1 << 30); print(len(x))'], {}, /Command 1 of 1/],
      [shell('head -c 100000000 /dev/zero > big'), { layerBytes: 500 * MIB }, /SIGXFSZ/],
    ]
    for (const [command, other, words] of cases) {
      const { failure, layer } = await setUp([command], { limits: { ...limits, ...other } })
      expect(failure).toMatch(words)
      expect(await fixture.sandbox.hasLayer(layer)).toBe(false)
    }
    expect(processesMarked('613.25')).toEqual([])
    expect(layers().filter((name) => name.startsWith('part'))).toEqual([])
  })

  it('told to stop, kills what runs and leaves nothing', async () => {
    const stop = new AbortController()
    const running = setUp([shell('setsid sleep 617.5 & sleep 617.5')], { signal: stop.signal })
    await processAppears('617.5')
    stop.abort(new Error('no longer wanted'))
    await expect(running).rejects.toThrow('no longer wanted')
    expect(processesMarked('617.5')).toEqual([])
    expect(layers().filter((name) => name.startsWith('part'))).toEqual([])
  })

  it('keeps head and tail of the log, and tells it while it grows', async () => {
    const told: string[] = []
    const { log } = await setUp([shell('echo first; yes word | head -c 100000; sleep 1.2; echo last')], {
      onLog: (text) => told.push(text),
    })
    expect(log.length).toBeLessThan(limits.logBytes + 200)
    expect(log).toMatch(/first\n[\s\S]*bytes left out[\s\S]*last\n$/)
    expect(told.length).toBeGreaterThan(0)
    expect(told[0]).not.toContain('last\n')
  })
})
