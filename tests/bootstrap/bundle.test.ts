import { readdirSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { expect, inject, it } from 'vitest'
import { ifInstalled } from '../../scripts/bundle.ts'
import { read } from '../docs/pages.ts'
import { countersign } from '../support/command.ts'

const bundle = inject('programs')
const textOf = (file: string): string => readFileSync(join(bundle, file), 'utf8')
const files = readdirSync(bundle, { recursive: true, encoding: 'utf8' }).filter(
  (file) => !file.startsWith('node_modules/'),
)
const scripts = files.filter((file) => file.endsWith('.js'))

it('the licenses of all that is bundled go along with it', () => {
  const bundled = scripts.flatMap((file) =>
    [...textOf(file).matchAll(/^\s*\/\/ (?:\.\.\/)*node_modules\/((?:@[^/\n]+\/)?[^/\n]+)\//gm)].map(
      ([, name]) => name,
    ),
  )
  expect(new Set(bundled).size).toBeGreaterThan(50)
  const sections = textOf('third-party-licenses.txt').split(`\n${'-'.repeat(80)}\n\n`)
  const told = sections.map((section) => {
    const [, name, license] = /^(\S+) \d+\.\d+\.\d+\S* \((.+)\)\n\n/.exec(section) ?? []
    return { name, license, text: section.replaceAll(/\s+/g, ' ') }
  })
  expect(told.map(({ name }) => name)).toEqual(expect.arrayContaining([...new Set(bundled)]))
  // What it asks for is that these words go along, and whose they are: its name alone is not enough.
  const underMit = told.filter(({ license }) => license === 'MIT')
  expect(underMit.length).toBeGreaterThan(20)
  const isWhole = (text: string) =>
    /Copyright .*Permission is hereby granted, free of charge.*["']AS IS["']/i.test(text)
  expect(underMit.filter(({ text }) => !isWhole(text))).toEqual([])
})

it('what it loads from node_modules is a dependency of the package, where it is not for others to install', () => {
  const patterns = [
    /^(?:import|export) (?:[^'"`\n]* from )?"([^"\n]+)";$/gm,
    /\b(?:import|__require(?:\.resolve)?)\("([^"\n]+)"\)/g,
  ]
  const named = scripts.flatMap((file) =>
    patterns.flatMap((pattern) => [...textOf(file).matchAll(pattern)].map(([, specifier]) => specifier ?? '')),
  )
  const bare = named.filter((specifier) => !specifier.startsWith('.') && !isBuiltin(specifier))
  const packages = new Set(bare.map((specifier) => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier))
  expect([...packages]).toEqual(expect.arrayContaining(['@bull-board/api', 'pino', 'picomatch']))
  const { dependencies } = JSON.parse(read('package.json'))
  expect([...packages].filter((name) => !(name in dependencies) && !ifInstalled.test(name))).toEqual([])
})

it('what it reads is there, and names nothing of the folder that it was made in', () => {
  const migrations = readdirSync(new URL('../../migrations', import.meta.url)).map((name) =>
    name.replace(/\.ts$/, '.js'),
  )
  expect(files).toEqual(expect.arrayContaining(migrations.map((name) => `migrations/${name}`)))
  expect(textOf('prices.json')).toBe(read('prices.json'))
  const root = new URL('../..', import.meta.url).pathname
  expect(scripts.filter((file) => textOf(file).includes(root))).toEqual([])
})

it('a package that finds files by where it is itself is not bundled', () => {
  // Those few that look are not asked to here: a friendly stack of ioredis, and a job's file in BullMQ.
  const uses = scripts.flatMap((file) => textOf(file).match(/^.*\b__(?:dirname|filename)\b.*$/gm) ?? [])
  expect(uses.filter((line) => !/optimizeErrorStack|module\.filename \|\| __filename/.test(line))).toEqual([])
})

it('says its version, which is that of the package', async () => {
  const { version } = JSON.parse(read('package.json'))
  expect(await countersign({}, '--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
})
