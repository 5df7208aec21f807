import type { Diff, Sprint } from '../../src/cli/demo/operations.ts'

const agent = { label: 'A', provider: 'OPENAI', rehearsal: true, modelName: 'rehearsal-openai' } as const

/** A sprint with one decision, and `text` wherever a model, a test or the repository could have written. */
export const sprintSaying = (text: string): Sprint => ({
  status: 'COMPLETED',
  failure: null,
  plan: text,
  diff: { id: 'RGlmZjox' },
  phases: [
    {
      kind: 'CODING',
      attempt: 1,
      status: 'SUCCEEDED',
      summary: text,
      runs: [
        {
          candidates: [
            {
              ...agent,
              label: text,
              modelName: text,
              status: 'COMPLETED',
              metrics: { durationMs: 1_200, turns: 3, toolCalls: 5, testsPassed: 2, testsFailed: 1 },
            },
          ],
          decision: {
            selected: { label: text },
            merged: false,
            method: 'EVIDENCE',
            rationale: text,
            scores: [{ candidate: { label: text }, score: 0.5, reason: text }],
          },
        },
      ],
    },
    { kind: 'VERIFICATION', attempt: 1, status: 'FAILED', summary: text, runs: [] },
  ],
  project: {
    usage: {
      inputTokens: 1_000,
      outputTokens: 100,
      costUsd: 0,
      unpricedCalls: 0,
      calls: 3,
      byAgent: [
        {
          agent: text,
          provider: 'OPENAI',
          model: text,
          rehearsal: true,
          inputTokens: 1_000,
          outputTokens: 100,
          costUsd: 0,
          calls: 3,
        },
      ],
    },
  },
})

export const diffSaying = (text: string): Diff => ({
  id: 'RGlmZjox',
  status: 'PROPOSED',
  targetBranch: 'main',
  content: `@@ -0,0 +1 @@\n+${text}\n`,
  contentHash: 'a'.repeat(64),
  commitMessage: text,
  additions: 1,
  deletions: 0,
  files: [{ path: text, previousPath: null, kind: 'ADDED', additions: 1, deletions: 0, isTest: true, isBinary: false }],
  safety: {
    safe: false,
    syntaxValid: true,
    addedCapabilities: ['SUBPROCESS'],
    evaluationHash: 'b'.repeat(64),
    issues: [{ code: 'X', message: text, path: text, line: 4 }],
    warnings: [],
    added: [{ capability: 'SUBPROCESS', path: text, line: 3, symbol: 'subprocess.run', snippet: text }],
    removed: [],
  },
  latestTestRun: {
    id: 'VGVzdFJ1bjox',
    status: 'PASSED',
    sandbox: 'bubblewrap',
    total: 1,
    passed: 1,
    failed: 0,
    results: [{ name: text, status: 'PASSED', durationMs: 12 }],
  },
  approval: { required: 1, given: 0, satisfied: false, missing: ['1 approval'] },
})
