import { createRequire } from 'node:module'
import { sha256 } from '../../domain/shared/canonical-hash.ts'
import { pythonRules, pythonSynonyms } from './python-rules.ts'

/** Raised whenever the analysis reports something else for the same rules and parsers. */
const analysis = 1

/** Names the analysis, its rules and its parsers. */
export function analyzerVersion(pythonIdentity: string | null): string {
  const require = createRequire(import.meta.url)
  const versionOf = (name: string): string => String(require(`${name}/package.json`).version)
  const rules = JSON.stringify([pythonRules, pythonSynonyms], (_, value: unknown) =>
    value instanceof RegExp ? String(value) : value,
  )
  return [
    `analysis ${analysis}`,
    `rules ${sha256(rules).slice(0, 12)}`,
    `ast-grep ${versionOf('@ast-grep/napi')}`,
    `tree-sitter-python ${versionOf('@ast-grep/lang-python')}`,
    pythonIdentity ?? 'syntax by tree-sitter',
  ].join(', ')
}
