import { describe, expect, it } from 'vitest'
import { compareEvidence, type Evidence, evidenceScore, leaders } from '../../src/domain/run/evidence.ts'

const evidence = (label: string, measured: Partial<Evidence> = {}): Evidence => ({
  candidateId: label,
  label,
  testsPassed: 10,
  testsFailed: 0,
  addedCapabilities: 0,
  findings: 0,
  changedFiles: 1,
  changedLines: 10,
  changesTests: false,
  ...measured,
})

// Each pair differs in one measure that decides, and the loser is better in every measure that comes later.
const decided: readonly (readonly [string, Partial<Evidence>, Partial<Evidence>])[] = [
  [
    'tests failed',
    { testsFailed: 1, changesTests: true, addedCapabilities: 9, findings: 9, changedLines: 999 },
    { testsFailed: 2 },
  ],
  [
    'nothing changed',
    { changesTests: true, addedCapabilities: 9, findings: 9, changedLines: 999 },
    { changedFiles: 0, changedLines: 0 },
  ],
  ['nothing tested', { changesTests: true, addedCapabilities: 9, findings: 9, changedLines: 999 }, { testsPassed: 0 }],
  ['tests changed', { addedCapabilities: 9, findings: 9, changedLines: 999 }, { changesTests: true }],
  ['capabilities added', { addedCapabilities: 1, findings: 9, changedLines: 999 }, { addedCapabilities: 2 }],
  ['safety findings', { findings: 1, changedLines: 999 }, { findings: 2 }],
  ['lines changed', { changedLines: 10 }, { changedLines: 14 }],
]

describe('of two results', () => {
  it.each(decided)('%s decides before what comes after it, whichever is named first', (measure, better, worse) => {
    const [good, bad] = [evidence('good', better), evidence('bad', worse)]
    for (const compared of [compareEvidence(good, bad), compareEvidence(bad, good)]) {
      expect(compared?.better).toBe(good)
      expect(compared?.measure).toContain(measure)
    }
  })

  it.each([
    ['equal', 10, 10],
    ['two lines apart', 1, 3],
    ['less than a fifth apart', 100, 119],
    ['exactly a fifth apart', 100, 120],
  ])('that are %s in size neither is better', (_, a, b) => {
    expect(compareEvidence(evidence('a', { changedLines: a }), evidence('b', { changedLines: b }))).toBeUndefined()
    expect(compareEvidence(evidence('b', { changedLines: b }), evidence('a', { changedLines: a }))).toBeUndefined()
  })

  it('more tests passed do not make up for one that failed', () => {
    const many = evidence('many', { testsPassed: 100, testsFailed: 1 })
    expect(compareEvidence(many, evidence('few', { testsPassed: 1 }))?.better.label).toBe('few')
  })
})

describe('the lead', () => {
  const labels = (all: readonly Evidence[]) => leaders(all).map(({ label }) => label)

  it('is shared by those that nobody beats, in their order', () => {
    const all = [evidence('a', { testsFailed: 1 }), evidence('b'), evidence('c', { findings: 1 }), evidence('d')]
    expect(labels(all)).toEqual(['b', 'd'])
  })

  it('is never empty, also where being level is not transitive', () => {
    const sizes = [10, 12, 14, 17, 20].map((changedLines) => evidence(`${changedLines}`, { changedLines }))
    for (const rotation of sizes.keys()) {
      const all = [...sizes.slice(rotation), ...sizes.slice(0, rotation)]
      expect(labels(all).sort()).toEqual(['10', '12'])
    }
    expect(labels([])).toEqual([])
  })
})

it('the score is the share of tests passed, and 0 without tests', () => {
  expect(evidenceScore(evidence('a', { testsPassed: 3, testsFailed: 1 }))).toBe(0.75)
  expect(evidenceScore(evidence('a', { testsPassed: 0, testsFailed: 0 }))).toBe(0)
})
