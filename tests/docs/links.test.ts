import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, it } from 'vitest'
import { pages, prose, read, root } from './pages.ts'

/** As GitHub and others make an anchor of a heading. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

const anchorsOf = (page: string): string[] =>
  [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchor(heading))

const isLocal = (target: string): boolean => !/^[a-z]+:/.test(target)

it.each(pages)('every link of %s leads to a file and a heading that exist', (page) => {
  const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target).filter(isLocal)
  const broken = links.filter((link) => {
    const [path = '', heading] = link.split('#')
    const file = path === '' ? page : relative(root, join(root, dirname(page), path))
    if (!existsSync(join(root, file))) return true
    return heading !== undefined && !anchorsOf(file).includes(heading)
  })
  expect(broken).toEqual([])
})

const folders = /^(?:src|tests|docs|migrations|scripts|templates|bench|\.ci)\//

it.each(pages)('every path that %s names in code exists', (page) => {
  const named = [...prose(page).matchAll(/`([^`\s]+)`/g)].map(([, text = '']) => text)
  const paths = named.filter((text) => folders.test(text) && !/[<>*{}]/.test(text))
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
})
