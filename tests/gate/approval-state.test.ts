import { describe, expect, it } from 'vitest'
import {
  approvalState,
  approvedByPeople,
  currentBinding,
  type DiffFacts,
  type ReviewFacts,
  stillHolds,
} from '../../src/domain/approval/approval.ts'
import { commitMessage, messageFromSummary, withTrailers } from '../../src/domain/commit-message/commit-message.ts'
import { changeHash } from '../../src/domain/diff/change-hash.ts'
import { diffStatuses, diffTransitions, toDiffStatus } from '../../src/domain/diff/diff.status.ts'
import { parseHunks } from '../../src/domain/diff/hunks.ts'
import type { ChangedFile } from '../../src/domain/ports/git-store.ts'
import { type ApprovalPolicy, defaultPolicy, policyHash } from '../../src/domain/project/approval-policy.ts'
import { isTestPath } from '../../src/domain/testing/is-test-path.ts'

const diff: DiffFacts = {
  contentHash: 'content',
  evaluationHash: 'evaluation',
  baseCommit: 'base',
  commitMessage: 'message',
  selfIds: ['author', 'requester', 'owner'],
  syntaxValid: true,
  addedCapabilities: [],
  met: { guardedTests: [], protectedPaths: [], escalations: [], autoApprove: [] },
  tests: null,
}

const reviewOf = (reviewerId: string, policy: ApprovalPolicy, changes: Partial<ReviewFacts> = {}): ReviewFacts => ({
  ...currentBinding(diff, policy),
  verdict: 'APPROVE',
  reviewerId,
  reviewerMayReview: true,
  reviewerIsAdmin: false,
  rule: null,
  ...changes,
})

const person = (count: number) => `${count} more approval${count === 1 ? '' : 's'} by a person with the role REVIEWER`

interface Row {
  readonly policy?: Partial<ApprovalPolicy>
  readonly diff?: Partial<DiffFacts>
  readonly reviews?: readonly (readonly [reviewer: string, changes?: Partial<ReviewFacts>])[]
  readonly given?: number
  /** The policy's number, unless a rule asks for more. */
  readonly required?: number
  /** Whether an agent could commit it; what satisfies the policy, in most rows. */
  readonly byPeople?: boolean
  readonly missing: readonly string[]
}

const { met: nothing } = diff
const escalation = (name: string, requiredApprovals: number) => ({
  name,
  capabilities: ['SOCKET'] as const,
  paths: [],
  requiredApprovals,
})
const rule = { name: 'docs', allowedCapabilities: [], paths: ['**'], maxChangedLines: null, requirePassingTests: false }
const ruled = { requiredApprovals: 2, autoApprove: [rule] }
const tested = { requiredApprovals: 2, autoApprove: [{ ...rule, requirePassingTests: true }] }
const permitted = { met: { ...nothing, autoApprove: ['docs'] } }
const ruleNamed = (name: string) => ['pipeline', { rule: name, reviewerMayReview: false }] as const
const byRule = ruleNamed('docs')

const table: Readonly<Record<string, Row>> = {
  'nobody has looked': { missing: [person(1)] },
  'somebody approved': { reviews: [['a']], given: 1, missing: [] },
  'nobody is needed': { policy: { requiredApprovals: 0 }, byPeople: false, missing: [] },
  'three are needed, one approved': {
    policy: { requiredApprovals: 3 },
    reviews: [['a']],
    given: 1,
    missing: [person(2)],
  },
  'one approved twice': { policy: { requiredApprovals: 2 }, reviews: [['a'], ['a']], given: 1, missing: [person(1)] },
  'two approved': { policy: { requiredApprovals: 2 }, reviews: [['a'], ['b']], given: 2, missing: [] },
  'a rejection is no approval': { reviews: [['a', { verdict: 'REJECT' }]], missing: [person(1)] },
  'who may no longer review': { reviews: [['a', { reviewerMayReview: false }]], missing: [person(1)] },
  'another content': { reviews: [['a', { contentHash: 'x' }]], missing: [person(1)] },
  'another evaluation': { reviews: [['a', { evaluationHash: 'x' }]], missing: [person(1)] },
  'another base': { reviews: [['a', { baseCommit: 'x' }]], missing: [person(1)] },
  'another message': { reviews: [['a', { messageHash: 'x' }]], missing: [person(1)] },
  'another policy': { reviews: [['a', { policyHash: 'x' }]], missing: [person(1)] },
  'the author, where that is allowed': { reviews: [['author']], given: 1, missing: [] },
  'author, requester and owner, where it is not': {
    policy: { allowSelfApproval: false },
    reviews: [['author'], ['requester'], ['owner']],
    missing: ['1 more approval by another person with the role REVIEWER'],
  },
  'author, requester and owner, who are one person where it is': {
    policy: { requiredApprovals: 2 },
    reviews: [['author'], ['requester'], ['owner']],
    given: 1,
    missing: ['1 more approval by another person with the role REVIEWER'],
  },
  'another beside the author, where it is': {
    policy: { requiredApprovals: 3 },
    reviews: [['author'], ['a']],
    given: 2,
    missing: ['1 more approval by another person with the role REVIEWER'],
  },
  'another beside the author': {
    policy: { allowSelfApproval: false },
    reviews: [['author'], ['a']],
    given: 1,
    missing: [],
  },
  'code that does not parse': {
    diff: { syntaxValid: false },
    reviews: [['a']],
    given: 1,
    missing: ['code that parses'],
  },
  'blocked capabilities, one of which is added': {
    policy: { blockedCapabilities: ['PICKLE', 'SOCKET'] },
    diff: { addedCapabilities: ['SOCKET', 'EVAL_EXEC'] },
    reviews: [['a']],
    given: 1,
    missing: ['the policy blocks changes that add SOCKET'],
  },
  'tests that nobody asks for': { diff: { tests: 'FAILED' }, reviews: [['a']], given: 1, missing: [] },
  'tests that are missing': {
    policy: { requirePassingTests: true },
    reviews: [['a']],
    given: 1,
    missing: ['a passing test run (the latest is missing)'],
  },
  ...Object.fromEntries(
    (['QUEUED', 'RUNNING', 'FAILED', 'ERRORED', 'CANCELED'] as const).map((status) => [
      `tests that are ${status}`,
      {
        policy: { requirePassingTests: true },
        diff: { tests: status },
        reviews: [['a']],
        given: 1,
        missing: [`a passing test run (the latest is ${status})`],
      },
    ]),
  ),
  'tests that passed': {
    policy: { requirePassingTests: true },
    diff: { tests: 'PASSED' },
    reviews: [['a']],
    given: 1,
    missing: [],
  },
  'a test that was edited': {
    diff: { met: { ...nothing, guardedTests: ['tests/a.py'] } },
    reviews: [['a']],
    given: 1,
    required: 2,
    missing: [`${person(1)} (one more than otherwise, because the change edits or deletes tests: "tests/a.py")`],
  },
  'tests that were edited, and two approved': {
    diff: { met: { ...nothing, guardedTests: ['tests/a.py'] } },
    reviews: [['a'], ['b']],
    given: 2,
    required: 2,
    missing: [],
  },
  'tests that were edited, where nobody is needed': {
    policy: { requiredApprovals: 0 },
    diff: { met: { ...nothing, guardedTests: ['a', 'b', 'c', 'd', 'e'] } },
    required: 1,
    missing: [
      `${person(1)} (one more than otherwise, because the change edits or deletes tests: "a", "b", "c" and 2 more)`,
    ],
  },
  'a protected path, and a reviewer approved': {
    diff: { met: { ...nothing, protectedPaths: ['deploy/a "b"'] } },
    reviews: [['a']],
    given: 1,
    missing: ['an approval by a person with the role ADMIN, because the policy protects "deploy/a \\"b\\""'],
  },
  'a protected path, and an administrator approved': {
    diff: { met: { ...nothing, protectedPaths: ['deploy'] } },
    reviews: [['a', { reviewerIsAdmin: true }]],
    given: 1,
    missing: [],
  },
  'a protected path, and an administrator approved their own work': {
    policy: { allowSelfApproval: false },
    diff: { met: { ...nothing, protectedPaths: ['deploy'] } },
    reviews: [['a'], ['author', { reviewerIsAdmin: true }]],
    given: 1,
    missing: ['an approval by another person with the role ADMIN, because the policy protects "deploy"'],
  },
  'a protected path, where nobody is needed': {
    policy: { requiredApprovals: 0 },
    diff: { met: { ...nothing, protectedPaths: ['deploy'] } },
    required: 1,
    missing: [person(1), 'an approval by a person with the role ADMIN, because the policy protects "deploy"'],
  },
  'an escalation by a capability': {
    policy: { escalations: [escalation('net', 3)] },
    diff: { met: { ...nothing, escalations: [{ name: 'net', capability: 'SOCKET', path: 'a.py' }] } },
    reviews: [['a']],
    given: 1,
    required: 3,
    missing: [`${person(2)} (the escalation "net" asks for 3, because of SOCKET in "a.py")`],
  },
  'two escalations and an edited test': {
    policy: { escalations: [escalation('net', 2), escalation('core', 3), escalation('low', 1)] },
    diff: {
      met: {
        ...nothing,
        guardedTests: ['t'],
        escalations: ['net', 'core', 'low'].map((name) => ({ name, capability: null, path: 'a.py' })),
      },
    },
    reviews: [['a'], ['b'], ['c']],
    given: 3,
    required: 4,
    missing: [
      `${person(1)} (the escalation "net" asks for 2, because of the change of "a.py"; the escalation "core" asks for 3, because of the change of "a.py"; one more than otherwise, because the change edits or deletes tests: "t")`,
    ],
  },
  'a rule': { policy: ruled, diff: permitted, reviews: [byRule], given: 2, byPeople: false, missing: [] },
  'a rule that no longer permits it': { policy: ruled, diff: {}, reviews: [byRule], missing: [person(2)] },
  'a rule of another name': { policy: ruled, diff: permitted, reviews: [ruleNamed('other')], missing: [person(2)] },
  'a rule, under another policy': {
    policy: ruled,
    diff: permitted,
    reviews: [['pipeline', { rule: 'docs', policyHash: 'x' }]],
    missing: [person(2)],
  },
  'a rule that asks for tests, while they run': {
    policy: tested,
    diff: { ...permitted, tests: 'RUNNING' },
    reviews: [byRule],
    missing: [person(2)],
  },
  'a rule that asks for tests, which passed': {
    policy: tested,
    diff: { ...permitted, tests: 'PASSED' },
    reviews: [byRule],
    given: 2,
    byPeople: false,
    missing: [],
  },
  'a rule beside one person of two': {
    policy: ruled,
    diff: permitted,
    reviews: [['a'], byRule],
    given: 2,
    byPeople: false,
    missing: [],
  },
  'a rule beside as many people as are needed': {
    policy: ruled,
    diff: permitted,
    reviews: [['a'], ['b'], byRule],
    given: 2,
    missing: [],
  },
  'a rule does not make up for tests that the policy asks for': {
    policy: { ...ruled, requirePassingTests: true },
    diff: permitted,
    reviews: [byRule],
    given: 2,
    missing: ['a passing test run (the latest is missing)'],
  },
  'everything at once': {
    policy: { requiredApprovals: 2, requirePassingTests: true, blockedCapabilities: ['EVAL_EXEC'] },
    diff: { syntaxValid: false, addedCapabilities: ['EVAL_EXEC'] },
    missing: [
      person(2),
      'code that parses',
      'the policy blocks changes that add EVAL_EXEC',
      'a passing test run (the latest is missing)',
    ],
  },
}

describe('what is missing for an approval', () => {
  it.each(Object.entries(table))('%s', (_, row) => {
    const policy = { ...defaultPolicy, ...row.policy }
    const reviews = (row.reviews ?? []).map(([reviewer, changes]) => reviewOf(reviewer, policy, changes))
    const satisfied = row.missing.length === 0
    expect(approvalState({ ...diff, ...row.diff }, policy, reviews)).toEqual({
      required: row.required ?? policy.requiredApprovals,
      given: row.given ?? 0,
      satisfied,
      missing: row.missing,
    })
    expect(approvedByPeople({ ...diff, ...row.diff }, policy, reviews)).toBe(row.byPeople ?? satisfied)
  })

  it('a review falls with every part that it is bound to, and with nothing else', () => {
    const now = currentBinding(diff, defaultPolicy)
    const holds = (changes: object) => stillHolds({ ...now, rule: null, ...changes }, diff, defaultPolicy)
    expect(holds({})).toBe(true)
    for (const part of Object.keys(now)) expect([part, holds({ [part]: 'x' })]).toEqual([part, false])
  })

  it('a policy has one hash, in whatever order it is written', () => {
    const turned = Object.fromEntries(Object.entries(defaultPolicy).reverse()) as unknown as ApprovalPolicy
    expect(policyHash(turned)).toBe(policyHash(defaultPolicy))
    const paths = ['a', 'b']
    const rules = (names: readonly string[], order: readonly string[]): Partial<ApprovalPolicy> => ({
      blockedCapabilities: order === paths ? ['PICKLE', 'SOCKET'] : ['SOCKET', 'PICKLE', 'SOCKET'],
      protectedPaths: order,
      escalations: names.map((name) => ({ ...escalation(name, 2), paths: order })),
      autoApprove: names.map((name) => ({ ...rule, name, paths: order })),
    })
    const hashOf = (changes: Partial<ApprovalPolicy>) => policyHash({ ...defaultPolicy, ...changes })
    expect(hashOf(rules(['x', 'y'], paths))).toBe(hashOf(rules(['y', 'x'], ['b', 'a', 'b'])))
  })

  it.each<Partial<ApprovalPolicy>>([
    { requiredApprovals: 2 },
    { allowSelfApproval: false },
    { requirePassingTests: true },
    { guardTests: false },
    { autoRebase: true },
    { agentsMayCommit: true },
    { blockedCapabilities: ['PICKLE'] },
    { protectedPaths: ['a'] },
    { escalations: [escalation('a', 2)] },
    { autoApprove: [rule] },
  ])('a policy has another hash for %j', (changes) => {
    expect(Object.keys(defaultPolicy)).toContain(Object.keys(changes)[0])
    expect(policyHash({ ...defaultPolicy, ...changes })).not.toBe(policyHash(defaultPolicy))
  })

  it.each([
    [{ name: 'b' }, {}],
    [{}, { name: 'b' }],
    [{ capabilities: ['PICKLE' as const] }, { allowedCapabilities: ['PICKLE' as const] }],
    [{ paths: ['a'] }, { paths: ['a'] }],
    [{ requiredApprovals: 3 }, { maxChangedLines: 3 }],
    [{}, { requirePassingTests: true }],
  ])('a policy has another hash for every part of its rules: %j %j', (ofEscalation, ofAutoApprove) => {
    const hashes = [{}, ofEscalation].map((changes, index) =>
      policyHash({
        ...defaultPolicy,
        escalations: [{ ...escalation('a', 2), ...changes }],
        autoApprove: [{ ...rule, ...(index === 1 ? ofAutoApprove : {}) }],
      }),
    )
    expect(new Set(hashes).size).toBe(2)
  })
})

it("a diff's status moves along the table and no other way", () => {
  for (const from of diffStatuses) {
    for (const to of diffStatuses) {
      const allowed = (diffTransitions[from] as readonly string[]).includes(to)
      if (allowed) expect(toDiffStatus(from, to)).toBe(to)
      else expect(() => toDiffStatus(from, to)).toThrow(`The diff is ${from} and cannot become ${to}.`)
    }
  }
})

describe('hunks', () => {
  const patch = [
    'diff --git a/x b/x',
    'index 1..2 100644',
    '--- a/x',
    '+++ b/x',
    '@@ -1,4 +1,4 @@ def f():',
    '--- a/looks like a header',
    '+++ b/looks like a header',
    ' @@ -9,9 +9,9 @@',
    '-@@ -5 +5 @@',
    '+diff --git a/y b/y',
    ' ',
    '@@ -20 +20,0 @@',
    '-last',
    '\\ No newline at end of file',
    '',
  ].join('\n')

  it('are taken by their counts, whatever their lines look like', () => {
    expect(parseHunks(patch)).toEqual([
      expect.objectContaining({
        oldStart: 1,
        oldLines: 4,
        newStart: 1,
        newLines: 4,
        header: '@@ -1,4 +1,4 @@ def f():',
      }),
      expect.objectContaining({
        oldStart: 20,
        oldLines: 1,
        newStart: 20,
        newLines: 0,
        text: '@@ -20 +20,0 @@\n-last\n\\ No newline at end of file\n',
      }),
    ])
    expect(parseHunks(patch)[0]?.text.split('\n')).toHaveLength(8)
  })

  it.each(['', 'diff --git a/x b/x\nold mode 100644\nnew mode 100755\n', 'Binary files a/x and b/x differ\n'])(
    'are none in %j',
    (text) => {
      expect(parseHunks(text)).toEqual([])
    },
  )

  it('end with the text, though the header promises more', () => {
    expect(parseHunks('@@ -1,1000000000 +1,1000000000 @@\n x')).toHaveLength(1)
  })
})

describe('the hash of a change', () => {
  const file: ChangedFile = {
    path: 'x',
    previousPath: null,
    kind: 'MODIFIED',
    isBinary: false,
    additions: 1,
    deletions: 1,
    oldMode: '100644',
    newMode: '100644',
    oldObjectId: '1',
    newObjectId: '2',
    patch: 'diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n',
  }
  const hash = changeHash([file])

  it('is the same at other lines, in another function and with other object ids', () => {
    const moved = file.patch.replace('@@ -1,2 +1,2 @@', '@@ -71,2 +75,2 @@ def f():').replace('1..2', '3..4')
    expect(changeHash([{ ...file, patch: moved, oldObjectId: '3', newObjectId: '4' }])).toBe(hash)
  })

  it.each([
    ['a blank', { patch: file.patch.replace('+c', '+c ') }],
    ['a tab', { patch: file.patch.replace('+c', '+\tc') }],
    ['a carriage return', { patch: file.patch.replace('+c\n', '+c\r\n') }],
    ['the last line end', { patch: `${file.patch}\\ No newline at end of file\n` }],
    ['a context line', { patch: file.patch.replace('\n a\n', '\n A\n') }],
    ['a path', { path: 'y' }],
    ['a former path', { previousPath: 'y', kind: 'RENAMED' as const }],
    ['a mode', { newMode: '100755' }],
  ])('is another for %s', (_, changes) => {
    expect(changeHash([{ ...file, ...changes }])).not.toBe(hash)
  })

  it('tells bytes apart that no text shows', () => {
    const patch = file.patch.replace('+c', '+\ufffd')
    const contents = ['e8', 'e9'].map((newObjectId) => changeHash([{ ...file, patch, newObjectId }]))
    expect(new Set(contents).size).toBe(2)
  })
})

describe('a commit message', () => {
  it.each(['Countersign-Evidence: x', 'a\ncountersign-: x', 'a\n\tReviewed-By\t: me', 'a\u2028Reviewed-by: me'])(
    'must not have %j',
    (message) => {
      expect(commitMessage.safeParse(message).success).toBe(false)
    },
  )

  it.each(['Say who reviewed-by whom', 'The countersign-diff is: good', 'Signed-off-by: me <me@example.com>'])(
    'may have %j',
    (message) => {
      expect(commitMessage.safeParse(message).success).toBe(true)
    },
  )

  it('of a model has no trailer of ours, and a subject that fits', () => {
    const message = messageFromSummary(`# **${'long '.repeat(30)}**\nReviewed-by: Boss\nmore`, 'Change')
    expect(message).not.toContain('Boss')
    expect(message.split('\n')[0]?.length).toBeLessThanOrEqual(72)
    expect(messageFromSummary('Reviewed-by: Boss', 'Change')).toBe('Change')
    expect(messageFromSummary('`_*`\nCountersign-Diff: 1', 'Change')).toBe('Change')
  })

  it('ends with our trailers in a paragraph of their own', () => {
    expect(withTrailers('Fix\n\nFixes: #1\n\n\n', 'id', ['A <a@b>'], 'f00d')).toBe(
      'Fix\n\nFixes: #1\n\nCountersign-Diff: id\nReviewed-by: A <a@b>\nCountersign-Evidence: sha256:f00d\n',
    )
  })
})

describe('what decides about tests', () => {
  const bends = [
    'tests/test_a.py',
    'a/test/x',
    'test_a.py',
    'a_test.go',
    'src/a.spec.tsx',
    'a.test.mjs',
    '__tests__/a.js',
    'conftest.py',
    'a/conftest.py',
    'pytest.ini',
    '.pytest.ini',
    'pytest.toml',
    '.pytest.toml',
    'tox.ini',
    'setup.cfg',
    'setup.py',
    'pyproject.toml',
    'noxfile.py',
    'sitecustomize.py',
    'a.pth',
    'package.json',
    'vitest.config.ts',
    'vite.config.mjs',
    'vitest.workspace.ts',
    'jest.config.js',
    '.mocharc.yml',
    'Makefile',
    'makefile',
    'GNUmakefile',
    'tests.py',
    'app/tests.py',
    'test.py',
    'pytest.py',
    'pytest/__init__.py',
    'unittest.py',
    '_pytest/main.py',
    'a/__snapshots__/x.snap',
    'test.js',
    'a-test.cjs',
    'a_test.mjs',
    'test-a.ts',
    '.npmrc',
    'node_modules/.bin/vitest',
    'node_modules/vitest/vitest.mjs',
  ]
  it.each(bends)('%s', (path) => {
    expect(isTestPath(path)).toBe(true)
  })

  it.each([
    'src/a.py',
    'latest.py',
    'contest/a.py',
    'attest.ts',
    'docs/testing.md',
    'src/spec.py',
    'pytest.md',
    'latest.js',
    'node_modules/a/index.js',
  ])('not %s', (path) => {
    expect(isTestPath(path)).toBe(false)
  })
})
