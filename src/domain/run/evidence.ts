/** What was measured of a candidate's result. */
export interface Evidence {
  readonly candidateId: string
  readonly label: string
  readonly testsPassed: number
  readonly testsFailed: number
  /** Capabilities that the change adds. */
  readonly addedCapabilities: number
  /** Findings that a person would have to look into. */
  readonly findings: number
  readonly changedFiles: number
  readonly changedLines: number
  readonly changesTests: boolean
}

interface Measure {
  readonly name: string
  /** Lower is better. */
  readonly of: (evidence: Evidence) => number
}

/** In the order in which they decide: tests, then safety, then scope. */
const measures: readonly Measure[] = [
  { name: 'tests failed', of: (evidence) => evidence.testsFailed },
  // To change nothing adds no capability and is the smallest of all, but it is not a result.
  { name: 'nothing changed', of: (evidence) => (evidence.changedFiles === 0 ? 1 : 0) },
  // Only where the project has no test case, and some of the candidates brought tests of their own.
  { name: 'nothing tested', of: (evidence) => (evidence.testsPassed + evidence.testsFailed === 0 ? 1 : 0) },
  { name: 'tests changed', of: (evidence) => (evidence.changesTests ? 1 : 0) },
  { name: 'capabilities added', of: (evidence) => evidence.addedCapabilities },
  { name: 'safety findings', of: (evidence) => evidence.findings },
]

// Below this difference, size says nothing about which change is the better one.
const scopeRatio = 1.2
const scopeLines = 3

const muchSmaller = (a: Evidence, b: Evidence): boolean =>
  a.changedLines * scopeRatio < b.changedLines && b.changedLines - a.changedLines >= scopeLines

/** Which of two results the evidence prefers, and by which measure; undefined when they are level. Pure. */
export const compareEvidence = (a: Evidence, b: Evidence): { better: Evidence; measure: string } | undefined => {
  for (const measure of measures) {
    const [ofA, ofB] = [measure.of(a), measure.of(b)]
    if (ofA !== ofB)
      return {
        better: ofA < ofB ? a : b,
        measure: `${measure.name}: ${Math.min(ofA, ofB)} against ${Math.max(ofA, ofB)}`,
      }
  }
  if (muchSmaller(a, b)) return { better: a, measure: `lines changed: ${a.changedLines} against ${b.changedLines}` }
  if (muchSmaller(b, a)) return { better: b, measure: `lines changed: ${b.changedLines} against ${a.changedLines}` }
  return undefined
}

/** Those that no other beats on the evidence, in their order. */
export const leaders = (all: readonly Evidence[]): readonly Evidence[] =>
  all.filter((own) => !all.some((other) => other !== own && compareEvidence(own, other)?.better === other))

/** From 0 to 1: the share of tests passed. */
export const evidenceScore = (evidence: Evidence): number => {
  const total = evidence.testsPassed + evidence.testsFailed
  return total === 0 ? 0 : evidence.testsPassed / total
}

/** The evidence in a sentence. */
export const describeEvidence = (evidence: Evidence): string =>
  `${evidence.testsPassed} of ${evidence.testsPassed + evidence.testsFailed} tests passed, ` +
  `${evidence.addedCapabilities} capabilities added, ${evidence.findings} findings, ${evidence.changedLines} lines changed` +
  (evidence.changesTests ? ', tests changed' : '')
