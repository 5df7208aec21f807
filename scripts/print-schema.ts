import { readFile, writeFile } from 'node:fs/promises'
import { printSchema } from 'graphql'
import { schema } from '../src/schema/index.ts'

// Prints the API to schema.graphql, or with --check fails when that file is not in step.
const file = new URL('../schema.graphql', import.meta.url)
const printed = `# Printed from the code by \`npm run schema:print\`: change it there.\n\n${printSchema(schema)}\n`

if (process.argv.includes('--check')) {
  const written = await readFile(file, 'utf8').catch(() => '')
  if (written !== printed) {
    process.stderr.write('schema.graphql is not in step with the code: run `npm run schema:print`.\n')
    process.exitCode = 1
  }
} else {
  await writeFile(file, printed)
}
