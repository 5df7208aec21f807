import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { defaultLimits } from '../../../src/adapters/sandbox/default-limits.ts'
import { createFixture, type Fixture, processAppears, processesMarked } from '../sandbox-fixture.ts'
import type { Driver } from './driver.ts'

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
      limits: { ...standard, wallMs: 1_500, graceMs: 300 },
    })
    expect(result).toMatchObject({ exitCode: null, signal: 'SIGTERM', timedOut: true, canceled: false })
    expect(result.stdout).toBe('sleeping\n')
    expect(result.durationMs).toBeGreaterThan(1_400)
    expect(result.durationMs).toBeLessThan(5_000)
    expect(processesMarked(marker)).toEqual([])
  })

  it('asks the command to end when its wall time is over, and kills what has not ended after the grace', async () => {
    const limits = { ...standard, wallMs: 1_000, graceMs: 3_000 }
    const cleaning =
      'import signal, sys, time\ndef end(*_): print("cleaned up", flush=True); sys.exit(0)\nsignal.signal(signal.SIGTERM, end)\nprint("begun", flush=True)\ntime.sleep(600)'
    const asked = await python(cleaning, { limits })
    expect(asked).toMatchObject({ exitCode: null, signal: 'SIGTERM', timedOut: true, stdout: 'begun\ncleaned up\n' })
    expect(asked.durationMs).toBeLessThan(3_500)
    const deaf = ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done']
    const killed = await run(deaf, { limits: { ...limits, graceMs: 700 } })
    expect(killed).toMatchObject({ exitCode: null, signal: 'SIGKILL', timedOut: true })
    expect(killed.durationMs).toBeGreaterThan(1_650)
    expect(killed.durationMs).toBeLessThan(4_000)
  })

  it('ends with the command, though a grandchild holds its output open', async () => {
    const marker = newMarker()
    const result = await python(detachedSleeper(marker))
    expect(result).toMatchObject({ exitCode: 0, timedOut: false, stdout: 'sleeping\n' })
    expect(result.durationMs).toBeLessThan(10_000)
    expect(processesMarked(marker)).toEqual([])
  })

  it('ends stopped processes, a stopped command among them', async () => {
    const marker = newMarker()
    const limits = { ...standard, wallMs: 1_000, graceMs: 300 }
    const stopped = await run(['sh', '-c', '(kill -STOP $(sh -c "echo \\$PPID")) & kill -STOP $$', marker], { limits })
    expect(stopped).toMatchObject({ timedOut: true, signal: 'SIGKILL' })
    expect(processesMarked(marker)).toEqual([])
  })

  it('ends at once when it is aborted', async () => {
    const marker = newMarker()
    const controller = new AbortController()
    const running = python(`${detachedSleeper(marker)}\ntime.sleep(600)`, { signal: controller.signal })
    await processAppears(`\0${marker}`)
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
