import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { defaultLimits } from '../../../src/adapters/sandbox/default-limits.ts'
import { createFixture, type Fixture, processesMarked } from '../sandbox-fixture.ts'
import { type Driver, fileIn, freshWorkspace } from './driver.ts'

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

/** Everything that a command started is gone when its run returns. */
export function endingCases({ name, memory, abortDelays }: Driver, fixture: Fixture): void {
  const { python, run } = fixture

  it('ends the whole tree when the wall time is over, detached sleepers too', async () => {
    const marker = newMarker()
    const result = await python(`${detachedSleeper(marker)}\ntime.sleep(600)`, {
      workspace: await freshWorkspace(fixture),
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
    const result = await python(detachedSleeper(marker), { workspace: await freshWorkspace(fixture) })
    expect(result).toMatchObject({ exitCode: 0, timedOut: false, stdout: 'sleeping\n' })
    expect(result.durationMs).toBeLessThan(10_000)
    expect(processesMarked(marker)).toEqual([])
  })

  it('ends stopped processes, a stopped command among them', async () => {
    const marker = newMarker()
    const limits = { ...standard, wallMs: 1_000 }
    const stopped = await run(['sh', '-c', '(kill -STOP $(sh -c "echo \\$PPID")) & kill -STOP $$', marker], { limits })
    expect(stopped).toMatchObject({ timedOut: true, signal: 'SIGKILL' })
    expect(processesMarked(marker)).toEqual([])
  })

  it('ends at once when it is aborted', async () => {
    const marker = newMarker()
    const workspace = await freshWorkspace(fixture)
    const controller = new AbortController()
    const running = python(`${detachedSleeper(marker)}\ntime.sleep(600)`, { workspace, signal: controller.signal })
    await fileIn(workspace, 'started')
    expect(processesMarked(marker)).not.toEqual([])
    controller.abort()
    expect(await running).toMatchObject({ exitCode: null, canceled: true, timedOut: false })
    expect(processesMarked(marker)).toEqual([])
  })

  it.each(memory)('leaves nothing whenever in its start it is aborted (memory: %s)', async (kind) => {
    await using own = await createFixture({ driver: name, memory: kind })
    await own.run(['true'])
    for (const delay of abortDelays) {
      const marker = newMarker()
      const result = await own.run(['sh', '-c', 'sleep 600', marker], { signal: AbortSignal.timeout(delay) })
      expect(result).toMatchObject({ exitCode: null, canceled: true })
      expect(processesMarked(marker)).toEqual([])
    }
  })

  it('reaps what the command orphans, so that a thousand of them are no limit', async () => {
    const orphans = `
import os
for _ in range(600):
    if os.fork() == 0:
        if os.fork() == 0: os._exit(0)
        os._exit(0)
    os.wait()
print("ok")`
    expect(await python(orphans)).toMatchObject({ stdout: 'ok\n', stderr: '', exitCode: 0 })
  })
}
