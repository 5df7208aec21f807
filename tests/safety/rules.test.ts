import { describe, expect, test } from 'vitest'
import { javascriptRules } from '../../src/adapters/analyzer/javascript-rule-table.ts'
import { javascriptSynonyms } from '../../src/adapters/analyzer/javascript-rules.ts'
import { pythonRules, pythonSynonyms } from '../../src/adapters/analyzer/python-rules.ts'
import { createRuleIndex, expandBraces } from '../../src/adapters/analyzer/rule-index.ts'
import { capabilities } from '../../src/domain/ports/code-analyzer.ts'

const tables = [
  ['Python', pythonRules, pythonSynonyms, /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\(\))*(?:\.\w*\*)?$/],
  // Names of packages have scopes, paths and hyphens.
  ['JavaScript', javascriptRules, javascriptSynonyms, /^@?[\w$-]+(?:[./:][\w$@-]+|\(\))*\*?$/],
] as const

describe.each(tables)('the table of %s', (_, rules, synonyms, qualifiedName) => {
  test('every rule has well-formed names, a known capability and a reason', () => {
    for (const { names, capability, why } of rules) {
      expect(names.length).toBeGreaterThan(0)
      for (const name of names.flatMap(expandBraces)) expect(name).toMatch(qualifiedName)
      expect(capabilities).toContain(capability)
      expect(why).not.toBe('')
    }
  })

  test('every capability has a rule', () => {
    expect(new Set(rules.map(({ capability }) => capability))).toEqual(new Set(capabilities))
  })

  test('no rule says the same as another one', () => {
    const unconditional = rules
      .filter(({ when }) => when === undefined)
      .flatMap(({ names, capability }) => names.flatMap(expandBraces).map((name) => `${name} ${capability}`))
    expect(unconditional.filter((entry, index) => unconditional.indexOf(entry) !== index)).toEqual([])
  })

  test('a condition names an argument, and is not global or sticky', () => {
    for (const { when } of rules) {
      if (when === undefined) continue
      expect(when.position !== null || when.keyword !== null).toBe(true)
      expect(when.matches.flags).toBe('')
    }
  })

  test('a synonym leads to a name with rules', () => {
    const index = createRuleIndex(rules, synonyms)
    for (const meant of Object.values(synonyms)) {
      const isKnown = index.leadsToRules(meant) || index.rulesFor(meant).length > 0 || index.canonical(meant) !== meant
      expect([meant, isKnown]).toEqual([meant, true])
    }
  })
})

test('a name that ends in a star matches one more part of a name', () => {
  const index = createRuleIndex(pythonRules, pythonSynonyms)
  expect(index.rulesFor('os.execve').map(({ capability }) => capability)).toEqual(['SUBPROCESS'])
  expect(index.rulesFor('os.execve()')).toEqual([])
  expect(index.rulesFor('os.exec')).toEqual([])
})
