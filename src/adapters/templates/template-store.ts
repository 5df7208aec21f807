import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { Services, Template } from '../../domain/shared/services.ts'

const directory = fileURLToPath(new URL('../../../templates', import.meta.url))

const description = z.object({
  name: z.string(),
  description: z.string(),
  testCases: z.array(
    z.object({
      name: z.string(),
      command: z.array(z.string()),
      quick: z.boolean(),
      allowModels: z.boolean().default(false),
    }),
  ),
})

// Left by running a template's tests in place.
const isGenerated = (path: string): boolean => /(^|\/)(__pycache__|node_modules)\//.test(path)

const readFiles = async (root: string): Promise<Template['files']> => {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !isGenerated(relative(root, path)))
    .sort()
  return Promise.all(
    files.map(async (path) => ({ path: relative(root, path), mode: '100644' as const, content: await readFile(path) })),
  )
}

/** The sample projects that come with the server: `<name>.json` says what they are, `<name>/` holds the files. */
export const createTemplateStore = (): Services['templates'] => {
  const list = async () =>
    (await readdir(directory))
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -'.json'.length))
      .sort()
  return {
    list,
    async load(name) {
      if (!(await list()).includes(name)) return undefined
      const described = description.parse(JSON.parse(await readFile(join(directory, `${name}.json`), 'utf8')))
      return { ...described, files: await readFiles(join(directory, name)) }
    },
  }
}
