import { randomBytes } from 'node:crypto'
import { mkdir, watch } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { defaultLimits } from '../../src/adapters/sandbox/default-limits.ts'
import { createFixture, processesMarked, reasonToSkip } from './sandbox-fixture.ts'

const skipReason = await reasonToSkip()
const MIB = 1024 * 1024
const standard = defaultLimits.standard

/** A sleeper in a session of its own, with two parents dead, deaf to every signal that can be ignored, on our stdout. */
const detachedSleeper = (marker: string) => `
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for n in range(1, 65):
            try: signal.signal(n, signal.SIG_IGN)
            except (OSError, ValueError): pass
        os.execvp("python3", ["python3", "-c", "import time, sys; print('sleeping', flush=True); open('started', 'w'); time.sleep(600)", "${marker}"])
    os._exit(0)
os.wait()
while not os.path.exists("started"): time.sleep(0.01)
`

const newMarker = () => `marker-${randomBytes(8).toString('hex')}`

describe.skipIf(skipReason !== null)(
  `limits of bubblewrap${skipReason ? ` (skipped: ${skipReason})` : ''}`,
  async () => {
    const fixture = await createFixture()
    const { run, python } = fixture
    afterAll(() => fixture[Symbol.asyncDispose]())

    const inFreshWorkspace = async () => {
      const workspace = join(fixture.privateDirectory, randomBytes(8).toString('hex'))
      await mkdir(workspace)
      return workspace
    }

    it('ends the whole tree when the wall time is over, detached sleepers too', async () => {
      const marker = newMarker()
      const workspace = await inFreshWorkspace()
      const result = await python(`${detachedSleeper(marker)}\ntime.sleep(600)`, {
        workspace,
        limits: { ...standard, wallMs: 1_500 },
      })
      expect(result).toMatchObject({ exitCode: null, signal: 'SIGKILL', timedOut: true, canceled: false })
      expect(result.stdout).toBe('sleeping\n')
      expect(result.durationMs).toBeGreaterThan(1_400)
      expect(result.durationMs).toBeLessThan(5_000)
      expect(processesMarked(marker)).toEqual([])
    })

    it('ends with the command, though a grandchild holds its output open', async () => {
      const marker = newMarker()
      const result = await python(detachedSleeper(marker), { workspace: await inFreshWorkspace() })
      expect(result).toMatchObject({ exitCode: 0, timedOut: false, stdout: 'sleeping\n' })
      expect(result.durationMs).toBeLessThan(10_000)
      expect(processesMarked(marker)).toEqual([])
    })

    it('ends at once when it is aborted', async () => {
      const marker = newMarker()
      const workspace = await inFreshWorkspace()
      const controller = new AbortController()
      const running = python(`${detachedSleeper(marker)}\ntime.sleep(600)`, { workspace, signal: controller.signal })
      for await (const { filename } of watch(workspace, { signal: AbortSignal.timeout(20_000) })) {
        if (filename === 'started') break
      }
      expect(processesMarked(marker)).not.toEqual([])
      controller.abort()
      expect(await running).toMatchObject({ exitCode: null, canceled: true, timedOut: false })
      expect(processesMarked(marker)).toEqual([])
    })

    it.each(['auto', 'watch'] as const)(
      'leaves nothing whenever in its start it is aborted (memory: %s)',
      async (memory) => {
        await using own = await createFixture({ memory })
        await own.run(['true'])
        for (const delay of [0, 1, 3, 6, 10, 15, 20, 25, 30, 35, 40, 60]) {
          const marker = newMarker()
          const result = await own.run(['sh', '-c', 'sleep 600', marker], { signal: AbortSignal.timeout(delay) })
          expect(result).toMatchObject({ exitCode: null, canceled: true })
          expect(processesMarked(marker)).toEqual([])
        }
      },
    )

    it('is not started when it was aborted before', async () => {
      const result = await run(['touch', 'x'], { signal: AbortSignal.abort() })
      expect(result).toMatchObject({ canceled: true, exitCode: null, driver: 'bubblewrap' })
    })

    it('keeps the head and the tail of a flood, within the limit', async () => {
      const result = await python('print("first"); print("é" * 50_000_000); print("last")', {
        limits: { ...standard, outputBytes: 10_000 },
      })
      expect(result).toMatchObject({ exitCode: 0, truncated: true })
      expect(result.stdout).toMatch(/^first\né+\n\[\.\.\. \d+ bytes left out \.\.\.\]\né+\nlast\n$/)
      expect(Buffer.byteLength(result.stdout)).toBeLessThan(10_100)
    })

    it('bounds endless output by the wall time, without keeping it', async () => {
      const before = process.memoryUsage.rss()
      const result = await run(['yes'], { limits: { ...standard, wallMs: 1_000 } })
      expect(result).toMatchObject({ timedOut: true, truncated: true })
      expect(Buffer.byteLength(result.stdout)).toBeLessThan(standard.outputBytes + 200)
      expect(process.memoryUsage.rss() - before).toBeLessThan(200 * MIB)
    })

    it('passes terminal escapes as data, and no NUL or broken UTF-8', async () => {
      const result = await python(
        'import sys; sys.stdout.buffer.write(b"\\x1b[2J\\x1b]0;t\\x07 a\\0b \\xff\\xc3\\xa9")',
      )
      expect(result.stdout).toBe('\x1b[2J\x1b]0;t\x07 a\uFFFDb \uFFFDé')
    })

    it.each(['auto', 'watch'] as const)('bounds a fork bomb (memory: %s)', async (memory) => {
      await using own = await createFixture({ memory })
      const bomb =
        'import os, time\nn = 0\ntry:\n  while True:\n    if os.fork() == 0: time.sleep(600)\n    n += 1\nexcept OSError as e: print(n, e.strerror)'
      const result = await own.python(bomb, { limits: { ...standard, processes: 20 } })
      expect(result.stdout).toBe('19 Resource temporarily unavailable\n')
      const recursive = await own.run(['sh', '-c', 'f() { f | f & }; f; exec sleep 600'], {
        limits: { ...standard, processes: 40, wallMs: 1_500 },
      })
      expect(recursive).toMatchObject({ timedOut: true })
    })

    it('counts processes for each run by itself', async () => {
      const limits = { ...standard, processes: 20 }
      const many =
        'import subprocess as s; p = [s.Popen(["sleep", "0.5"]) for _ in range(15)]; [x.wait() for x in p]; print("ok")'
      const results = await Promise.all([1, 2, 3].map(() => python(many, { limits })))
      expect(results.map((result) => result.stdout)).toEqual(['ok\n', 'ok\n', 'ok\n'])
    })

    it('bounds the size of a file, of /tmp and of /dev/shm', async () => {
      const result = await python(
        `
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for path in ("big", "/tmp/a", "/dev/shm/a"):
    written = 0
    try:
        with open(path, "wb", buffering=0) as f:
            for _ in range(400): written += f.write(bytes(1024 * 1024))
    except OSError: pass
    print(path, written // 1024 // 1024)`,
        { limits: { ...standard, fileBytes: 300 * MIB } },
      )
      expect(result.stdout).toBe('big 300\n/tmp/a 256\n/dev/shm/a 64\n')
    })

    it.each(['auto', 'watch'] as const)('ends a memory hog (memory: %s)', async (memory) => {
      await using limited = await createFixture({ memory })
      const limits = { ...standard, memoryBytes: 200 * MIB }
      const hog = 'import time\nkept = []\nfor _ in range(3000): kept.append(b"x" * 1024 * 1024); time.sleep(0.001)'
      const result = await limited.python(hog, { limits })
      expect(result).toMatchObject({ exitCode: null, signal: 'SIGKILL', timedOut: false })
      expect(result.stderr).toContain('the memory limit is 209715200 bytes')
      const many =
        'import os, time\nfor _ in range(8):\n  if os.fork() == 0: kept = b"x" * (60 << 20); time.sleep(600)\ntime.sleep(600)'
      const together = await limited.python(many, { limits: { ...limits, wallMs: 3_000 } })
      expect(together.stderr).toContain('the memory limit is 209715200 bytes')
      const modest = await limited.python('x = b"x" * (100 << 20); print("ok")', { limits })
      expect(modest).toMatchObject({ exitCode: 0, stdout: 'ok\n', stderr: '' })
    })

    it('starts Node under the default limits', async () => {
      expect(await run(['node', '-p', '1 + 1'], { limits: defaultLimits.quick })).toMatchObject({
        stdout: '2\n',
        exitCode: 0,
      })
    })

    it('refuses what cannot be run as asked', async () => {
      await expect(run([])).rejects.toThrow(TypeError)
      await expect(run(['echo', 'a\0b'])).rejects.toThrow(/NUL/)
      await expect(run(['true'], { environment: { 'A=B': 'x' } })).rejects.toThrow(/no name/)
      await expect(run(['true'], { workspace: 'relative' })).rejects.toThrow(/absolute/)
      await expect(run(['true'], { limits: { ...standard, wallMs: 0 } })).rejects.toThrow(/wallMs/)
    })
  },
)
