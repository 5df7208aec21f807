import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** The text of a file, named by its path from the root. */
export const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8')

/** Every page that people read, by its path from the root. */
export const pages: readonly string[] = ['', 'docs/'].flatMap((folder) =>
  readdirSync(`${root}${folder}`)
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}${name}`),
)

const fence = /^( *)```(\w*)\n([\s\S]*?)^\1```$/gm

/** The fenced blocks of a page, in order. */
export const fences = (page: string): readonly { readonly language: string; readonly text: string }[] =>
  [...read(page).matchAll(fence)].map(([, , language = '', text = '']) => ({ language, text }))

/** The fenced blocks of a language. */
export const blocks = (page: string, language: string): string[] =>
  fences(page).flatMap((block) => (block.language === language ? [block.text] : []))

/** A page without its fenced blocks. */
export const prose = (page: string): string => read(page).replace(fence, '')

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())

/** The rows of the page's table that has these headings, cell by cell. @throws Error when there is none */
export const tableRows = (page: string, ...headings: readonly string[]): string[][] => {
  const lines = prose(page).split('\n')
  const at = lines.findIndex((line) => line.startsWith('|') && cellsOf(line).join('|') === headings.join('|'))
  if (at < 0) throw new Error(`${page} has no table with the headings ${headings.join(', ')}.`)
  const rest = lines.slice(at + 2)
  const end = rest.findIndex((line) => !line.startsWith('|'))
  return rest.slice(0, end < 0 ? undefined : end).map(cellsOf)
}
