import { readFile, writeFile } from 'node:fs/promises'
import { configurationPage, readVariables } from './configuration-page.ts'

// Writes the tables of docs/configuration.md from .env.example: node scripts/print-configuration.ts
const file = new URL('../docs/configuration.md', import.meta.url)
const [page, example] = await Promise.all([
  readFile(file, 'utf8'),
  readFile(new URL('../.env.example', import.meta.url), 'utf8'),
])
await writeFile(file, configurationPage(page, readVariables(example)))
