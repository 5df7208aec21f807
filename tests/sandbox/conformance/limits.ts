import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { defaultLimits, fixedLimits } from '../../../src/adapters/sandbox/default-limits.ts'
import { createFixture, type Fixture, processesMarked } from '../sandbox-fixture.ts'
import type { Driver } from './driver.ts'

const MIB = 1024 * 1024
const standard = defaultLimits.standard

/** What a command may use. */
export function limitCases({ name, memory }: Driver, fixture: Fixture): void {
  const { python, run } = fixture

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
    const result = await run(['yes'], { limits: { ...standard, wallMs: 1_000, graceMs: 300 } })
    expect(result).toMatchObject({ timedOut: true, truncated: true })
    expect(Buffer.byteLength(result.stdout)).toBeLessThan(standard.outputBytes + 200)
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * MIB)
  })

  it('passes terminal escapes as data, and no NUL or broken UTF-8', async () => {
    const result = await python('import sys; sys.stdout.buffer.write(b"\\x1b[2J\\x1b]0;t\\x07 a\\0b \\xff\\xc3\\xa9")')
    expect(result.stdout).toBe('\x1b[2J\x1b]0;t\x07 a\uFFFDb \uFFFDé')
  })

  it.each(memory)('bounds a fork bomb (memory: %s)', async (kind) => {
    await using own = await createFixture({ driver: name, memory: kind })
    const bomb =
      'import os, time\nn = 0\ntry:\n  while True:\n    if os.fork() == 0: time.sleep(600)\n    n += 1\nexcept OSError as e: print(n, e.strerror)'
    const result = await own.python(bomb, { limits: { ...standard, processes: 20 } })
    expect(result.stdout).toBe('19 Resource temporarily unavailable\n')
    const marker = `marker-${randomBytes(8).toString('hex')}`
    // The shell may meet the limit itself, and end before the wall time.
    const recursive = await own.run(['sh', '-c', 'f() { f | f & }; f; exec sleep 600', marker], {
      limits: { ...standard, processes: 40, wallMs: 1_500, graceMs: 300 },
    })
    expect(recursive.durationMs).toBeLessThan(5_000)
    expect(processesMarked(marker)).toEqual([])
  })

  it('counts threads among the processes', async () => {
    const threads =
      'import threading, time\nn = 0\ntry:\n  while n < 200:\n    threading.Thread(target=time.sleep, args=(5,), daemon=True).start(); n += 1\nexcept RuntimeError: pass\nprint(n, flush=True)\nimport os; os._exit(0)'
    expect((await python(threads, { limits: { ...standard, processes: 30 } })).stdout).toBe('29\n')
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
      { limits: { ...standard, fileBytes: 100 * MIB, temporaryBytes: 24 * MIB } },
    )
    expect(result.stdout).toBe(`big 100\n/tmp/a 24\n/dev/shm/a ${fixedLimits.sharedMemoryBytes / MIB}\n`)
  })

  it('bounds open files, and leaves no core of a crash', async () => {
    const files = 'import os\nn = 0\ntry:\n  while True: os.dup(1); n += 1\nexcept OSError: print(n)'
    expect((await python(files)).stdout).toBe(`${fixedLimits.openFiles - 3}\n`)
    const crash = await python(
      'import os, resource, subprocess\nprint(resource.getrlimit(resource.RLIMIT_CORE), subprocess.run(["sh", "-c", "kill -SEGV $$"]).returncode, [n for n in os.listdir(".") if n.startswith("core")])',
    )
    expect(crash.stdout).toBe('(0, 0) -11 []\n')
  })

  it.each(memory)('ends a memory hog (memory: %s)', async (kind) => {
    await using limited = await createFixture({ driver: name, memory: kind })
    const limits = { ...standard, memoryBytes: 200 * MIB }
    const hog = 'import time\nkept = []\nfor _ in range(3000): kept.append(b"x" * 1024 * 1024); time.sleep(0.001)'
    const result = await limited.python(hog, { limits })
    expect(result).toMatchObject({ exitCode: null, signal: 'SIGKILL', timedOut: false })
    expect(result.stderr).toContain('the memory limit is 209715200 bytes')
    const many =
      'import os, time\nfor _ in range(8):\n  if os.fork() == 0: kept = b"x" * (60 << 20); time.sleep(600)\ntime.sleep(600)'
    const together = await limited.python(many, { limits: { ...limits, wallMs: 3_000, graceMs: 300 } })
    expect(together.stderr).toContain('the memory limit is 209715200 bytes')
    const modest = await limited.python('x = b"x" * (100 << 20); print("ok")', { limits })
    expect(modest).toMatchObject({ exitCode: 0, stdout: 'ok\n', stderr: '' })
  })

  it('starts Node under the default limits', async () => {
    const answer = await run(['node', '-p', '1 + 1'], { limits: defaultLimits.quick })
    expect(answer).toMatchObject({ stdout: '2\n', exitCode: 0 })
  })
}
