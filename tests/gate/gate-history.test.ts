import { expect, it } from 'vitest'
import { sha256 } from '../../src/domain/shared/canonical-hash.ts'
import { faultsOf, type GateHistory, type Witnessed } from '../factories/gate-history.ts'

const message = 'Add it\n\nCountersign-Diff: d\nCountersign-Evidence: sha256:0'
const binding = { contentHash: 'c', evaluationHash: 'e', baseCommit: 'root' }
const diff = { id: 'd', status: 'COMMITTED', authorId: 'a', resultTree: 't', ...binding } as const
const approval = { diffId: 'd', reviewerId: 'r', verdict: 'APPROVE', messageHash: sha256('Add it'), policyHash: 'p' }
const steps = (...statuses: readonly string[]) =>
  statuses.map((status) => ({ diffId: 'd', status })) as unknown as GateHistory['events']
const root = { oid: 'root', tree: 'empty', parents: [], message: 'Start the project' }
const landed = { oid: 'one', tree: 't', parents: ['root'], message }

const lawful: GateHistory = {
  rule: { policyHash: 'p', requiredApprovals: 1, selfApproval: false },
  diffs: [{ ...diff, commitOid: 'one', intendedOid: null }],
  reviews: [{ ...approval, ...binding }],
  events: steps('PROPOSED', 'HUMAN_REVIEWING', 'APPROVED', 'COMMITTING', 'COMMITTED'),
  commits: [landed, root],
}
const witnessed: Witnessed = {
  trees: new Map([['d', 't']]),
  committed: new Set(['one']),
  rejected: new Set(),
  superseded: new Set(),
}

it('a lawful history has no fault', () => {
  expect(faultsOf(lawful, witnessed)).toEqual([])
})

const change = (
  diffs: Partial<GateHistory['diffs'][number]>,
  rest: Partial<GateHistory> = {},
): Partial<GateHistory> => ({
  ...rest,
  diffs: lawful.diffs.map((each) => ({ ...each, ...diffs })),
})
const reviewed = (review: Partial<GateHistory['reviews'][number]>): Partial<GateHistory> => ({
  reviews: lawful.reviews.map((each) => ({ ...each, ...review })),
})
const committed = (commit: Partial<GateHistory['commits'][number]>): Partial<GateHistory> => ({
  commits: [{ ...landed, ...commit }, root],
})

it.each<readonly [name: string, Partial<GateHistory>, fault: string]>([
  ['a step that the table lacks', { events: steps('PROPOSED', 'COMMITTING', 'COMMITTED') }, 'went from PROPOSED to'],
  ['a step after the end', { events: steps('PROPOSED', 'HUMAN_REJECTED', 'COMMITTED') }, 'went from HUMAN_REJECTED'],
  ['a status that was not told', { events: steps('PROPOSED') }, 'was told to be PROPOSED'],
  ['no review', { reviews: [] }, 'with 0 approvals'],
  ['a review of its author', reviewed({ reviewerId: 'a' }), 'with 0 approvals'],
  ...(['contentHash', 'evaluationHash', 'baseCommit', 'messageHash', 'policyHash'] as const).map(
    (name) => [`a review of another ${name}`, reviewed({ [name]: 'x' }), 'with 0 approvals'] as const,
  ),
  ['a rejection', reviewed({ verdict: 'REJECT' }), 'was committed and rejected'],
  ['one person twice where two are asked', { rule: { ...lawful.rule, requiredApprovals: 2 } }, 'with 1 approvals'],
  ['another tree', committed({ tree: 'x' }), 'as another tree'],
  ['another tree than was shown', change({ resultTree: 'x' }, committed({ tree: 'x' })), 'as another tree'],
  ['another base', committed({ parents: [] }), 'on another base'],
  ['another message', committed({ message: message.replace('Add it', 'Drop it') }), 'with 0 approvals'],
  [
    'a second commit',
    { commits: [{ ...landed, oid: 'two', parents: ['one'] }, landed, root] },
    'its commits are [two,one]',
  ],
  ['a commit of nothing', { diffs: [] }, 'is of no diff'],
  ['a commit that is gone', { commits: [root] }, 'was said to have landed'],
  ['a commit of a diff that is not committed', change({ status: 'SUPERSEDED' }), 'is SUPERSEDED, and its commits'],
])('%s is found', (_, fault, words) => {
  expect(faultsOf({ ...lawful, ...fault }, witnessed)).toContainEqual(expect.stringContaining(words))
})

it('what people were told and is so no more is found', () => {
  const told = { ...witnessed, rejected: new Set(['d']), superseded: new Set(['d']) }
  expect(faultsOf(lawful, told)).toEqual(['d had been rejected', 'd had been replaced'])
})
