import { readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { createFixture, reasonToSkip } from './sandbox-fixture.ts'

const skipReason = await reasonToSkip()
const note = skipReason === null ? '' : ` (skipped: ${skipReason})`

// What bubblewrap does in its own way; what every driver does is in the conformance suite.

it.skipIf(skipReason !== null)(`runs the machine’s own node${note}`, async () => {
  await using fixture = await createFixture()
  expect((await fixture.run(['node', '-p', 'process.version'])).stdout).toBe(`${process.version}\n`)
})

it.skipIf(skipReason !== null)(
  `gives a command five variables, and its first process none to read${note}`,
  async () => {
    await using fixture = await createFixture()
    const environment = await fixture.run(['cat', '/proc/self/environ'], { environment: { OWN: 'yes' } })
    const names = environment.stdout
      .split('\uFFFD')
      .filter(Boolean)
      .map((line) => line.split('=')[0])
    expect(names.toSorted()).toEqual(['HOME', 'LANG', 'OWN', 'PATH', 'PWD'])
    const first = await fixture.run(['sh', '-c', 'cat /proc/1/environ; tr "\\0" " " < /proc/1/cmdline'])
    expect(first.stdout).toMatch(/^\/bin\/sh -c /)
    expect(first.stdout).not.toContain(fixture.privateDirectory)
  },
)

it.skipIf(skipReason !== null)(`leaves no file of its own on the host${note}`, async () => {
  await using fixture = await createFixture()
  const listed = () => readdirSync('/tmp').filter((name) => name.startsWith('countersign-channels-'))
  const before = listed()
  await fixture.run(['true'], { stdin: 'x' })
  expect(listed().filter((name) => !before.includes(name))).toEqual([])
})
