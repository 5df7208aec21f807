import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'

const script = fileURLToPath(new URL('./lifecycle-process.ts', import.meta.url))
const started: ChildProcess[] = []
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

const launch = (...args: readonly string[]) => {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  started.push(child)
  const lines: string[] = []
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const closed = once(child, 'close')
  const reader = createInterface(child.stdout)
  reader.on('line', (line) => lines.push(line))
  return {
    child,
    said: async (line: string) => {
      while (!lines.includes(line)) await once(reader, 'line')
    },
    ended: async () => {
      const [code] = await closed
      return { code: code as number | null, lines, stderr }
    },
  }
}

test.each(['SIGTERM', 'SIGINT'] as const)('%s drains, then ends with 0', async (signal) => {
  const { child, said, ended } = launch('50')
  await said('ready')
  child.kill(signal)
  expect(await ended()).toEqual({ code: 0, lines: ['ready', 'draining', 'drained'], stderr: '' })
})

test("the command's own exit code stands after a signal", async () => {
  const { child, said, ended } = launch('0', 'demo')
  await said('ready')
  child.kill('SIGINT')
  expect((await ended()).code).toBe(130)
})

test('a signal that npm hands on as well does not cut the draining short', async () => {
  const { child, said, ended } = launch('200')
  await said('ready')
  child.kill('SIGINT')
  await said('draining')
  child.kill('SIGINT')
  expect(await ended()).toMatchObject({ code: 0, lines: ['ready', 'draining', 'drained'] })
})

test('a second wish to end, later, ends at once', async () => {
  const { child, said, ended } = launch('60000')
  await said('ready')
  child.kill('SIGTERM')
  await said('draining')
  // What is tested is that time has passed: there is no event for it.
  await delay(1_200)
  child.kill('SIGTERM')
  expect(await ended()).toMatchObject({ code: 130, lines: ['ready', 'draining'] })
})

test('an error that nobody caught is told, everything is drained, and the exit code says so', async () => {
  const { ended } = launch('10', 'throw')
  expect(await ended()).toEqual({
    code: 1,
    lines: ['ready', 'draining', 'drained'],
    stderr: 'reported: nobody caught this\n',
  })
})

test('a command that ends by itself needs no signal', async () => {
  const { ended } = launch('0', 'end')
  expect(await ended()).toMatchObject({ code: 0, lines: ['ready', 'draining', 'drained'] })
})
