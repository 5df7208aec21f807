import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { copySettings, omitSecrets } from '../../src/adapters/sandbox/set-up-settings.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

it.skipIf(process.platform !== 'linux')(
  "copies what package managers read, and nobody's passwords or names",
  async () => {
    await using directory = await temporaryDirectory()
    const etc = join(directory.path, 'etc')
    await copySettings(etc)
    const names = readdirSync(etc)
    expect(names).toEqual(expect.arrayContaining(['group', 'hosts', 'passwd', 'resolv.conf', 'shadow']))
    for (const name of ['sudoers', 'ssh', 'environment', 'hostname', 'machine-id', 'crontab'])
      expect(names).not.toContain(name)
    expect(readFileSync(join(etc, 'shadow'), 'utf8')).toMatch(/^([\w-]+:\*:19000:0:99999:7:::\n)+$/)
    const ids = readFileSync(join(etc, 'passwd'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => Number(line.split(':')[2]))
    expect(ids.filter((id) => id >= 1_000 && id !== 65_534)).toEqual([])
  },
)

it('leaves out settings that hold credentials, and names them', async () => {
  await using directory = await temporaryDirectory()
  const files: Readonly<Record<string, string>> = {
    'apt/sources.list': 'deb http://packages.example.com/debian stable main',
    'apt/sources.list.d/private.list': 'deb https://user:pass@packages.example.com/ stable main',
    npmrc: '//registry.example.com/:_authToken=abc',
    'pip.conf': '[global]\nindex-url = https://packages.example.com/simple',
    profile: 'echo https://user:pass@example.com',
  }
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(directory.path, path, '..'), { recursive: true })
    await writeFile(join(directory.path, path), content)
  }
  expect((await omitSecrets(directory.path)).toSorted()).toEqual(['/etc/apt/sources.list.d/private.list', '/etc/npmrc'])
  expect(readdirSync(directory.path).toSorted()).toEqual(['apt', 'pip.conf', 'profile'])
  expect(readdirSync(join(directory.path, 'apt/sources.list.d'))).toEqual([])
})
