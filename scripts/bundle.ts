import { chmod, cp, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type InputOptions, type OutputChunk, type OutputOptions, type RolldownPlugin, rolldown } from 'rolldown'
import { isLeftBehind } from './left-behind.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The command line, and what it starts as a process of its own. */
const programs = ['src/main', 'src/adapters/analyzer/child']

/** What packages would use if somebody had installed it. */
export const ifInstalled = /^(@valkey\/valkey-glide|bufferutil|node-libcurl|pg-native|supports-color|utf-8-validate)$/

/** What finds files of its own beside it, or is large and seldom needed, is loaded from node_modules. */
const unbundled = [
  /^@bull-board\//,
  /^@graphql-yoga\/render-graphiql$/,
  // The board's copy has to be theirs.
  /^hono$/,
  /^msgpackr(-extract)?$/,
  /^pino(-pretty)?$/,
  ifInstalled,
]

/** How a program of this folder is bundled, whichever it is. */
export const bundling = {
  input: {
    cwd: root,
    platform: 'node',
    external: unbundled,
    onLog(level, log, handle) {
      // What cannot be found would be missed only when it is needed.
      if (log.code === 'UNRESOLVED_IMPORT') throw new Error(log.message)
      if (level !== 'warn') handle(level, log)
    },
  },
  output: {
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'src/[name]-[hash].js',
    // Of one byte a character: a single other one would double what Node keeps of a file.
    charset: 'ascii',
    comments: { legal: true, annotation: false, jsdoc: false },
    // Errors and entities are told by the names of their classes.
    keepNames: true,
    sourcemap: true,
    sourcemapExcludeSources: true,
  },
} as const satisfies { readonly input: InputOptions; readonly output: OutputOptions }

/** Where a file's own address is asked for, it is told as if the file lay in the bundle as it lies in the source. */
const ownAddresses: RolldownPlugin = {
  name: 'own addresses',
  transform: {
    filter: { id: { exclude: /\/node_modules\// }, code: /import\.meta\.url/ },
    handler: (code, id) => ({
      code: code.replaceAll('import.meta.url', `new URL('${nameOf(id)}.js', __bundle).href`),
      map: null,
    }),
  },
}

const nameOf = (file: string): string => relative(root, file).replace(/\.ts$/, '')

/**
 * Writes the program as a few files of JavaScript instead of two thousand modules, with the migrations, the templates and
 * all else that it reads: what a start takes is mostly spent on finding, reading and compiling modules otherwise. Only
 * node_modules has to be where Node looks for it.
 * @param further scripts of this folder that are written along with it, `tests/support/x-process` for example
 * @returns what was written of them all
 */
export const bundle = async (directory: string, further: readonly string[] = []): Promise<readonly OutputChunk[]> => {
  const migrations = (await readdir(join(root, 'migrations'))).filter((name) => name.endsWith('.ts'))
  const names = [...programs, ...migrations.map((name) => nameOf(join(root, 'migrations', name))), ...further]
  const bundler = await rolldown({
    input: Object.fromEntries(names.map((name) => [name, join(root, `${name}.ts`)])),
    ...bundling.input,
    plugins: [ownAddresses],
  })
  const { output } = await bundler.write({
    ...bundling.output,
    dir: directory,
    intro: ({ fileName }) =>
      `const __bundle = /* @__PURE__ */ new URL('${relative(dirname(fileName), '.')}/', import.meta.url);`,
  })
  await bundler.close()
  const chunks = output.filter((file): file is OutputChunk => file.type === 'chunk')
  await writeFile(join(directory, 'third-party-licenses.txt'), await licensesOf(chunks))
  await writeFile(join(directory, 'package.json'), `${JSON.stringify({ type: 'module' })}\n`)
  for (const name of ['templates', 'prices.json']) {
    await cp(join(root, name), join(directory, name), {
      recursive: true,
      filter: (path) => !isLeftBehind(path),
    })
  }
  await chmod(join(directory, 'src/main.js'), 0o755)
  return chunks
}

/** The same into a directory anywhere, from which Node finds no node_modules by itself. */
export const bundleElsewhere: typeof bundle = async (directory, further) => {
  const chunks = await bundle(directory, further)
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'))
  return chunks
}

/** The text that those mean who give no other than its name. */
const mitLicense = (holder: string): string => `MIT License

Copyright (c) ${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.`

/** What those who wrote the packages in the bundle ask to be said of them wherever their code goes. */
const licensesOf = async (chunks: readonly OutputChunk[]): Promise<string> => {
  const files = chunks.flatMap(({ moduleIds }) => moduleIds)
  const folders = files.flatMap((file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0] ?? [])
  const licenses = await Promise.all([...new Set(folders)].map(licenseOf))
  // A package may be there more than once.
  return [...new Set(licenses)].toSorted().join(`\n${'-'.repeat(80)}\n\n`)
}

const licenseOf = async (folder: string): Promise<string> => {
  const { name, version, license, author } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  const written = (await readdir(folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).toSorted()
  const texts = await Promise.all(written.map((file) => readFile(join(folder, file), 'utf8')))
  const holder = typeof author === 'string' ? author : (author?.name ?? `the authors of ${name}`)
  if (texts.length === 0) texts.push(license === 'MIT' ? mitLicense(holder) : `${license}, by ${holder}`)
  return `${name} ${version} (${license})\n\n${texts.map((text) => `${text.trim()}\n`).join('\n')}`
}
