import { expect, test } from 'vitest'
import { pythonRules, pythonSynonyms } from '../../src/adapters/analyzer/python-rules.ts'
import { createRuleIndex, expandBraces } from '../../src/adapters/analyzer/rule-index.ts'
import { capabilities } from '../../src/domain/ports/code-analyzer.ts'

const qualifiedName = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\(\))*(?:\.\w*\*)?$/

test('every rule has well-formed names, a known capability and a reason', () => {
  for (const { names, capability, why } of pythonRules) {
    expect(names.length).toBeGreaterThan(0)
    for (const name of names.flatMap(expandBraces)) expect(name).toMatch(qualifiedName)
    expect(capabilities).toContain(capability)
    expect(why).not.toBe('')
  }
})

test('every capability has a rule', () => {
  expect(new Set(pythonRules.map(({ capability }) => capability))).toEqual(new Set(capabilities))
})

test('no rule says the same as another one', () => {
  const unconditional = pythonRules
    .filter(({ when }) => when === undefined)
    .flatMap(({ names, capability }) => names.flatMap(expandBraces).map((name) => `${name} ${capability}`))
  expect(unconditional.filter((entry, index) => unconditional.indexOf(entry) !== index)).toEqual([])
})

test('a condition names an argument, and is not global or sticky', () => {
  for (const { when } of pythonRules) {
    if (when === undefined) continue
    expect(when.position !== null || when.keyword !== null).toBe(true)
    expect(when.matches.flags).toBe('')
  }
})

test('a synonym leads to a name with rules', () => {
  const index = createRuleIndex(pythonRules, pythonSynonyms)
  for (const meant of Object.values(pythonSynonyms)) {
    const isKnown = index.leadsToRules(meant) || index.rulesFor(meant).length > 0 || index.canonical(meant) !== meant
    expect([meant, isKnown]).toEqual([meant, true])
  }
})

test('a name that ends in a star matches one more part of a name', () => {
  const index = createRuleIndex(pythonRules, pythonSynonyms)
  expect(index.rulesFor('os.execve').map(({ capability }) => capability)).toEqual(['SUBPROCESS'])
  expect(index.rulesFor('os.execve()')).toEqual([])
  expect(index.rulesFor('os.exec')).toEqual([])
})
