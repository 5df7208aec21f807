import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const filesPerDirectory = 50
const linesPerFile = 120

const words = ['value', 'request', 'handler', 'buffer', 'lease', 'branch', 'policy', 'record', 'worker', 'cursor']

/** Some 6 kB of text that packs as source does: no two files are equal. */
const contentOf = (index: number, random: (below: number) => number): string =>
  Array.from({ length: linesPerFile }, (_, line) => {
    const word = () => words[random(words.length)]
    return `  const ${word()}_${line} = ${word()}(${index}, ${word()}, ${random(1_000_000)})\n`
  }).join('')

/** Writes a folder of so many files, as somebody's project is. */
export const writeFiles = (directory: string, files: number, random: (below: number) => number): void => {
  for (let index = 0; index < files; index++) {
    const folder = join(directory, `package-${Math.floor(index / filesPerDirectory)}`, 'src')
    if (index % filesPerDirectory === 0) mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `file-${index}.ts`), contentOf(index, random))
  }
}
