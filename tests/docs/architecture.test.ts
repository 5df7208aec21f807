import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, it } from 'vitest'
import { root, tableRows } from './pages.ts'

const foldersIn = (path: string): string[] =>
  readdirSync(join(root, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)

const page = 'docs/ARCHITECTURE.md'
const quoted = (names: readonly string[]): string[] => names.map((name) => `\`${name}/\``).toSorted()

it('every folder of src has its line', () => {
  const listed = tableRows(page, 'folder', 'what is in it').map(([folder = '']) => folder)
  expect(listed).toEqual(expect.arrayContaining(quoted(foldersIn('src').map((name) => `src/${name}`))))
})

it.each([
  ['src/domain', 'area'],
  ['src/adapters', 'adapter'],
])('every folder of %s has its line, and no other is named', (path, heading) => {
  const listed = tableRows(page, heading, 'what is in it').map(([folder = '']) => folder)
  expect(listed.toSorted()).toEqual(quoted(foldersIn(path)))
})

const imported = /(?:from|import\(?)\s*'(\.[^']+)'/g

/** The other folders of src that a folder's files import from; `.` for the files beside the folders. */
const importsOf = (folder: string): string[] => {
  const files = readdirSync(join(root, 'src', folder), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  const found = files.flatMap((name) => {
    const file = join(root, 'src', folder, name)
    return [...readFileSync(file, 'utf8').matchAll(imported)].map(([, target = '']) => {
      const path = relative(join(root, 'src'), join(dirname(file), target)).split('/')
      return path.length > 1 ? (path[0] ?? '') : '.'
    })
  })
  return [...new Set(found)].filter((name) => name !== folder)
}

const directions = tableRows(page, 'folder', 'may import')

it.each(directions)('%s imports from the folders that its line allows', (cell, allowed = '') => {
  const folder = /`src\/(\w+)\/`/.exec(cell)?.[1] ?? ''
  const names = [...allowed.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)
  // Types of what stands above are allowed in words; that nothing else of it is imported is the linter's to hold.
  const inWords = allowed.includes('type') ? ['adapters', '.'] : []
  expect(importsOf(folder).filter((name) => ![...names, ...inWords].includes(name))).toEqual([])
})

it('every folder of src has its directions', () => {
  expect(directions.map(([cell = '']) => cell).toSorted()).toEqual(
    quoted(foldersIn('src').map((name) => `src/${name}`)),
  )
})
