import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createFixture } from '../sandbox/sandbox-fixture.ts'

/** Started in a process namespace of its own, where the numbers of processes and threads are given one after another. */
async function nextNumber(): Promise<number> {
  const probe = spawn('true')
  await once(probe, 'close')
  return probe.pid ?? Number.NaN
}

// Of a server that keeps its files to itself.
process.umask(0o077)
await using fixture = await createFixture()
const base = await fixture.base({ 'src/a.txt': 'a' })
const workspace = { base, changes: [{ path: 'src/b.txt', content: 'b' }] }
const argv = ['stat', '--format=%a %U', '.']
const outputs = new Set<string>()
const runOnce = async () => outputs.add((await fixture.run(argv, { workspace })).stdout)
await runOnce()
const [first, descriptors] = [await nextNumber(), readdirSync('/proc/self/fd').length]
for (let run = 0; run < 3; run++) await runOnce()
const perRun = ((await nextNumber()) - first - 1) / 3
const leftOpen = readdirSync('/proc/self/fd').length - descriptors
const { detail } = (await fixture.sandbox.availability()) as { detail?: string }
console.log(JSON.stringify({ perRun, leftOpen, outputs: [...outputs], detail }))
