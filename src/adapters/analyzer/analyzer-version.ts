import { createRequire } from 'node:module'
import { sha256 } from '../../domain/shared/canonical-hash.ts'
import { javascriptRules } from './javascript-rule-table.ts'
import { javascriptSynonyms } from './javascript-rules.ts'
import { pythonRules, pythonSynonyms } from './python-rules.ts'

/** Raised whenever the analysis reports something else for the same rules and parsers. */
const analysis = 3

/** Names the analysis, its rules and its parsers. */
export function analyzerVersion(pythonIdentity: string | null): string {
  const require = createRequire(import.meta.url)
  const versionOf = (name: string): string => String(require(`${name}/package.json`).version)
  const tables = [pythonRules, pythonSynonyms, javascriptRules, javascriptSynonyms]
  const rules = JSON.stringify(tables, (_, value: unknown) => (value instanceof RegExp ? String(value) : value))
  return [
    `analysis ${analysis}`,
    `rules ${sha256(rules).slice(0, 12)}`,
    `babel ${versionOf('@babel/parser')}`,
    pythonIdentity ?? 'Python syntax by its own parser',
  ].join(', ')
}
