import { expect, it } from 'vitest'
import { type Commands, createProgram } from '../../src/cli/program.ts'
import { pages, read } from './pages.ts'

const { scripts }: { scripts: Record<string, string> } = JSON.parse(read('package.json'))

const linesOf = (page: string): string[] => read(page).split('\n')

it.each(pages)('every npm script that %s names exists', (page) => {
  const named = linesOf(page).flatMap((line) =>
    [...line.matchAll(/\bnpm (?:run ([\w:]+)|(test|start)\b)/g)].map(([, script, builtIn]) => script ?? builtIn ?? ''),
  )
  expect(named.filter((script) => scripts[script] === undefined)).toEqual([])
})

/** Reads a command line with the program's own parser, and runs nothing. @returns the command's name */
const parse = async (line: readonly string[]): Promise<string> => {
  let called = ''
  const commands = new Proxy({} as Commands, {
    get: (_, name) => async () => {
      called = String(name)
    },
  })
  await createProgram(commands, '0', { writeOut: () => {}, writeErr: () => {} }).parseAsync(line, { from: 'user' })
  return called
}

const commandLines = pages.flatMap((page) =>
  linesOf(page).flatMap((line) =>
    [...line.matchAll(/npm run countersign -- ([\w -]*\w)/g)].map(([, args = '']) => ({ page, args })),
  ),
)

it.each(commandLines)('$page: `countersign $args` is a command line that the program takes', async ({ args }) => {
  const [name = '', ...rest] = args.split(' ')
  expect(await parse([name, ...rest])).toBe(name)
})

it('the README names the commands for running the parts apart', () => {
  const named = commandLines.filter(({ page }) => page === 'README.md').map(({ args }) => args.split(' ')[0])
  expect(named).toEqual(expect.arrayContaining(['migrate', 'api', 'worker', 'doctor']))
})
