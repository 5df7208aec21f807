import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, it } from 'vitest'
import { createCgroup, findCgroupPlaces, sweepCgroups } from '../../src/adapters/sandbox/cgroup.ts'

const places = process.platform === 'linux' ? findCgroupPlaces() : null
const note = places === null ? ' (skipped: no cgroup can be made here)' : ''

it.skipIf(places === null)(`groups of dead servers are swept; those of servers elsewhere stay${note}`, async () => {
  if (places === null) return
  const dead = spawn('true')
  await once(dead, 'exit')
  const cgroup = createCgroup(places, { memoryBytes: 64 * 1024 * 1024, processes: 8 })
  const own = dirname(cgroup.entrances[0] ?? '')
  const leftover = own.replace(`-${process.pid}-`, `-${dead.pid}-`)
  // As a server in a container has it, whose process numbers are its own.
  const foreign = leftover.replace(/countersign-\d+-/, 'countersign-1-')
  mkdirSync(leftover)
  mkdirSync(foreign)
  try {
    sweepCgroups(places)
    expect([own, leftover, foreign].map((directory) => existsSync(directory))).toEqual([true, false, true])
  } finally {
    rmdirSync(foreign)
    cgroup.remove()
  }
})
