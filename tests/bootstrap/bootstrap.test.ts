import { mkdir, readdir, rm, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isGone } from '../support/embedded-holder.ts'
import { bootstrapProject, lockedPackages } from './project.ts'

const isRoot = process.getuid?.() === 0
const npmCi = expect.stringMatching(/^npm ci .*--ignore-scripts/)
const npmRebuild = expect.stringMatching(/^npm rebuild node --ignore-scripts=false/)

describe('bootstrap and the dependencies', () => {
  it('is silent and installs nothing when all is there', async () => {
    await using project = await bootstrapProject()
    await project.install()
    expect(await project.bootstrap('--sandbox')).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(await project.calls()).toEqual(['git --version'])
  })

  it('installs what the lock says on a fresh clone, runs only allowed install scripts, and keeps stdout clean', async () => {
    await using project = await bootstrapProject()
    await project.program('npm', `echo noise; ${await scriptOf(project.root)}`)
    const { code, stdout, stderr } = await project.bootstrap()
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(stderr).toContain('Installing the dependencies')
    expect(await project.calls()).toEqual([npmCi, npmRebuild, 'git --version'])
    expect(await readdir(project.root)).toEqual(['node_modules', 'package-lock.json', 'package.json', 'scripts'])
  })

  it('installs again when the lock has another version, and not because another platform is left out', async () => {
    await using project = await bootstrapProject()
    await project.writeLock({ 'node_modules/node': { version: '24.21.0' } })
    await project.install()
    await project.writeLock(lockedPackages)
    await project.bootstrap()
    expect(await project.calls()).toEqual(['git --version'])
    await project.writeLock({ ...lockedPackages, 'node_modules/node': { version: '24.22.0' } })
    await project.bootstrap()
    expect((await project.calls()).slice(1)).toEqual([npmCi, npmRebuild, 'git --version'])
  })

  it('installs what the benchmarks compare with where it is asked to, and once', async () => {
    await using project = await bootstrapProject()
    await project.install()
    const bench = join(project.root, 'bench')
    await mkdir(bench)
    await writeFile(join(bench, 'package-lock.json'), JSON.stringify({ packages: lockedPackages }))
    await project.bootstrap()
    expect(await project.calls()).toEqual(['git --version'])
    for (let count = 0; count < 2; count++) expect((await project.bootstrap('--bench')).code).toBe(0)
    expect(await project.calls()).toEqual(['git --version', npmCi, 'git --version', 'git --version'])
    expect(await readdir(bench)).toContain('node_modules')
  })

  it('installs once when two run at once', async () => {
    await using project = await bootstrapProject()
    await project.program('npm', `[ "$1" = ci ] && sleep 1; ${await scriptOf(project.root)}`)
    const outcomes = await Promise.all([project.bootstrap(), project.bootstrap()])
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0])
    expect((await project.calls()).filter((call) => call.startsWith('npm ci'))).toHaveLength(1)
  })

  it('takes over the lock of a process that is gone', async () => {
    await using project = await bootstrapProject()
    expect(await isGone(4_194_303)).toBe(true)
    await writeFile(join(project.root, '.bootstrap.lock'), '4194303')
    expect((await project.bootstrap()).code).toBe(0)
    expect(await readdir(project.root)).not.toContain('.bootstrap.lock')
  })

  it('fails with what to do when npm fails, and leaves no lock', async () => {
    await using project = await bootstrapProject()
    await project.program('npm', 'echo the registry is gone; exit 1')
    const { code, stdout, stderr } = await project.bootstrap()
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/the registry is gone\n.*could not be installed.*Try again with: npm ci/s)
    expect(await readdir(project.root)).not.toContain('.bootstrap.lock')
  })

  it("runs the node package's own install script when npm has not brought the right Node", async () => {
    await using project = await bootstrapProject()
    await project.install()
    await unlink(join(project.root, 'node_modules', '.bin', 'node'))
    await project.program('npm')
    const script = `require('node:fs').symlinkSync(process.execPath, '../.bin/node')`
    await writeFile(join(project.root, 'node_modules', 'node', 'installArchSpecificPackage.js'), script)
    const { code, stderr } = await project.bootstrap()
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'Getting Node 24 for this project.\n' })
  })

  it('says what to do when the right Node cannot be had', async () => {
    await using project = await bootstrapProject()
    await project.install()
    await unlink(join(project.root, 'node_modules', '.bin', 'node'))
    await project.program('npm')
    const { code, stderr } = await project.bootstrap()
    expect(code).toBe(1)
    expect(stderr).toContain('needs Node 24')
  })
})

describe('bootstrap and the tools', () => {
  it('refuses to go on without git or with one that is too old, and says how to get it', async () => {
    await using project = await bootstrapProject()
    await project.install()
    await project.program('apt-get')
    await project.program('git', 'echo git version 2.34.1')
    expect(await project.bootstrap()).toMatchObject({ code: 1, stderr: expect.stringContaining('git 2.38 or later') })
    await rm(join(project.root, '..', 'programs', 'git'))
    expect(await project.bootstrap()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('apt-get install -y git'),
    })
  })

  it('goes on without python3, and says what is missing', async () => {
    await using project = await bootstrapProject()
    await project.install()
    await rm(join(project.root, '..', 'programs', 'python3'))
    expect(await project.bootstrap()).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('python3') })
  })

  it.runIf(isRoot && process.platform === 'linux')('installs bubblewrap as root when asked to', async () => {
    await using project = await bootstrapProject()
    await project.install()
    await rm(join(project.root, '..', 'programs', 'bwrap'))
    await project.program('apt-get', 'echo noise')
    await project.bootstrap()
    expect(await project.calls()).toEqual(['git --version'])
    const { code, stdout } = await project.bootstrap('--sandbox')
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect((await project.calls()).at(-1)).toMatch(/^apt-get install .*bubblewrap$/)
  })

  it.runIf(process.platform === 'linux')(
    'names the one command when it cannot install bubblewrap, and goes on',
    async () => {
      await using project = await bootstrapProject()
      await project.install()
      await rm(join(project.root, '..', 'programs', 'bwrap'))
      await project.program('apt-get', 'exit 1')
      const { code, stderr } = await project.bootstrap('--sandbox')
      expect(code).toBe(0)
      expect(stderr).toContain('apt-get install -y bubblewrap')
    },
  )
})

/** What the stand-in for npm does, without the line that notes its call. */
async function scriptOf(root: string): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  const lines = (await readFile(join(root, '..', 'programs', 'npm'), 'utf8')).split('\n')
  return lines.slice(2).join('\n')
}
