import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const execute = promisify(execFile)

const program = 'console.log(JSON.stringify([process.argv.slice(1), WORD]))'

/** Waits until its own bundle is touched. */
const looksOn = `
import { setTimeout } from 'node:timers/promises'
import { statSync, utimesSync } from 'node:fs'
import { dirname } from 'node:path'
const bundle = dirname(dirname(process.argv[1]))
const long = new Date(0)
utimesSync(bundle, long, long)
const isTouched = () => statSync(bundle).mtimeMs !== 0
for (let looks = 0; looks < 10_000 && !isTouched(); looks += 1) await setTimeout(1)
console.log(JSON.stringify([process.argv.slice(1), isTouched() ? 'touched' : 'forgotten']))
`

/** Says that it is called, and takes over the word that is in the source. */
const fakeBuild = `
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
const out = process.argv[2]
appendFileSync('builds', 'x')
const word = readFileSync('src/word', 'utf8')
if (word === 'broken') process.exit(3)
mkdirSync(out + '/src', { recursive: true })
writeFileSync(out + '/src/main.js', ${JSON.stringify(program)}.replace('WORD', JSON.stringify(word)))
`

/** A small project with the real scripts/run.mjs. @param flags for Node */
const project = async (flags: readonly string[] = []) => {
  const { path: root, [Symbol.asyncDispose]: remove } = await temporaryDirectory()
  for (const folder of ['scripts', 'src', 'migrations', 'templates']) await mkdir(join(root, folder))
  for (const file of ['prices.json', 'package-lock.json']) await writeFile(join(root, file), '{}')
  await writeFile(join(root, 'package.json'), '{"type":"module"}')
  for (const script of ['run.mjs', 'left-behind.mjs']) {
    await cp(fileURLToPath(new URL(`../../scripts/${script}`, import.meta.url)), join(root, 'scripts', script))
  }
  await writeFile(join(root, 'scripts/build.ts'), fakeBuild)
  await writeFile(join(root, 'src/main.ts'), program.replace('WORD', "'of the source'"))
  await writeFile(join(root, 'builds'), '')
  const change = (word: string) => writeFile(join(root, 'src/word'), word)
  await change('first')
  return {
    root,
    cache: join(root, 'node_modules/.cache/countersign'),
    change,
    async run(...args: string[]) {
      const { stdout, stderr } = await execute(process.execPath, [...flags, 'scripts/run.mjs', ...args], { cwd: root })
      const [[file, ...given], word] = JSON.parse(stdout)
      return { file: String(file).slice(root.length), given, word, stderr }
    },
    builds: async () => (await readFile(join(root, 'builds'), 'utf8')).length,
    [Symbol.asyncDispose]: remove,
  }
}

it('runs a bundle of the source as it is: one that is there, or else a new one', async () => {
  await using made = await project()
  expect(await made.run('start', '--json')).toMatchObject({ given: ['start', '--json'], word: 'first', stderr: '' })
  expect(await made.run()).toMatchObject({
    file: expect.stringMatching(/^\/node_modules\/.*\/main\.js$/),
    word: 'first',
  })
  expect(await made.builds()).toBe(1)
  await made.change('second')
  const both = await Promise.all([made.run(), made.run()])
  expect(both.map(({ word }) => word)).toEqual(['second', 'second'])
  // As the one before: what is written at the same time by two is written once, or the same.
  expect(await readdir(made.cache)).toHaveLength(2)
})

const minute = 60_000

/** Of a bundle that is there already. */
const hash = (digit: number) => String(digit).repeat(16)

/** Puts bundles there, each with the minutes since it was used. */
const bundlesThere = async (cache: string, minutes: Readonly<Record<string, number>>) => {
  for (const [name, ago] of Object.entries(minutes)) {
    await mkdir(join(cache, name), { recursive: true })
    const usedAt = new Date(Date.now() - ago * minute)
    await utimes(join(cache, name), usedAt, usedAt)
  }
}

/** Those of them that are there still. */
const left = async (cache: string) => (await readdir(cache)).filter((name) => /^(\d)\1{15}(\.|$)/.test(name)).toSorted()

it('keeps the bundles that were used last, and each that a process uses', async () => {
  await using made = await project()
  await bundlesThere(made.cache, { [hash(1)]: 60, [hash(2)]: 61, [hash(3)]: 62, [hash(4)]: 63, [hash(5)]: 64 })
  await made.run()
  // With its own these are four.
  expect(await left(made.cache)).toEqual([1, 2, 3].map(hash))
  await bundlesThere(made.cache, Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map((digit) => [hash(digit), 9])))
  await bundlesThere(made.cache, { [hash(8)]: 11 })
  await made.change('second')
  await made.run()
  expect(await left(made.cache)).toEqual([1, 2, 3, 4, 5, 6, 7].map(hash))
})

it('removes what was begun and never ended, which takes the place of none that can be run', async () => {
  await using made = await project()
  const unfinished = { [`${hash(1)}.11`]: 1, [`${hash(2)}.22`]: 59, [`${hash(3)}.33`]: 61 }
  await bundlesThere(made.cache, { ...unfinished, [hash(4)]: 70, [hash(5)]: 71, [hash(6)]: 72, [hash(7)]: 73 })
  await made.run()
  expect(await left(made.cache)).toEqual([`${hash(1)}.11`, `${hash(2)}.22`, hash(4), hash(5), hash(6)])
})

it('says every minute that its bundle is used, and ends all the same', async () => {
  // A clock that is quicker, and a program that looks on: the one timer is that of run.mjs.
  const quick = `const { setInterval: real } = globalThis
    globalThis.setInterval = (work, ms, ...rest) => {
      if (ms === ${minute}) return real(work, 1, ...rest)
      throw new Error('There is one every ' + ms + ' ms.')
    }`
  await using made = await project(['--import', `data:text/javascript,${encodeURIComponent(quick)}`])
  await made.change('looks on')
  await writeFile(
    join(made.root, 'scripts/build.ts'),
    fakeBuild.replace(JSON.stringify(program), JSON.stringify(looksOn)),
  )
  expect(await made.run()).toMatchObject({ word: 'touched' })
})

it('goes on with the bundle where an old one cannot be removed', async () => {
  const refuse = `import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    fs.rmSync = () => { throw new Error('It may not be removed.') }
    syncBuiltinESMExports()`
  await using made = await project(['--import', `data:text/javascript,${encodeURIComponent(refuse)}`])
  const there = [1, 2, 3, 4, 5].map(hash)
  await bundlesThere(made.cache, Object.fromEntries(there.map((name) => [name, 60])))
  expect(await made.run()).toMatchObject({
    file: expect.stringMatching(/^\/node_modules\//),
    word: 'first',
    stderr: '',
  })
  expect(await left(made.cache)).toEqual(there)
})

it('is not kept from it by a link to nothing, nor led to a new one by what the tests of templates leave', async () => {
  await using made = await project()
  await symlink('nowhere', join(made.root, 'src/.#word'))
  expect(await made.run()).toMatchObject({ word: 'first', stderr: '' })
  for (const folder of ['__pycache__', '.pytest_cache', 'node_modules']) {
    await mkdir(join(made.root, 'templates', folder))
    await writeFile(join(made.root, 'templates', folder, 'file'), '')
  }
  expect(await made.run()).toMatchObject({ word: 'first', stderr: '' })
  expect(await made.builds()).toBe(1)
})

it('runs the source where no bundle can be written, and says so', async () => {
  await using made = await project()
  await made.change('broken')
  const { file, given, word, stderr } = await made.run('doctor')
  expect({ file, given, word }).toEqual({ file: '/src/main.ts', given: ['doctor'], word: 'of the source' })
  expect(stderr).toContain('scripts/build.ts ended with 3')
  expect(await readdir(made.cache)).toEqual([])
})
