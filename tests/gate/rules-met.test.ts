import { describe, expect, it } from 'vitest'
import { type ChangeFacts, changeFacts } from '../../src/domain/approval/change-facts.ts'
import { rulesMet } from '../../src/domain/approval/rules-met.ts'
import type { DiffFile } from '../../src/domain/diff/diff.entity.ts'
import type { Capability } from '../../src/domain/ports/code-analyzer.ts'
import { type ApprovalPolicy, defaultPolicy } from '../../src/domain/project/approval-policy.ts'
import { globFault, pathMatcher } from '../../src/domain/project/path-globs.ts'

type File = Omit<DiffFile, 'isTest'>

const file = (path: string, changes: Partial<File> = {}): File => ({
  path,
  previousPath: null,
  kind: 'MODIFIED',
  isBinary: false,
  additions: 1,
  deletions: 1,
  patch: `diff --git a/${path} b/${path}\nindex 1..2 100644\n--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-a\n+b\n`,
  ...changes,
})

const added = (path: string, mode = '100644'): File =>
  file(path, {
    kind: 'ADDED',
    deletions: 0,
    patch: `diff --git a/${path} b/${path}\nnew file mode ${mode}\nindex 0..1\n`,
  })

const moved = (from: string, to: string, changes: Partial<File> = {}): File =>
  file(to, {
    kind: 'RENAMED',
    previousPath: from,
    additions: 0,
    deletions: 0,
    patch: `diff --git a/${from} b/${to}\nsimilarity index 100%\nrename from ${from}\nrename to ${to}\n`,
    ...changes,
  })

const use = (capability: Capability, path: string) => ({
  capability,
  path,
  language: 'PYTHON' as const,
  line: 1,
  column: 1,
  symbol: 'x',
  snippet: 'x',
})

const quiet = { added: [], issues: [], warnings: [] }
const factsOf = (...files: readonly File[]): ChangeFacts => changeFacts(files, quiet)

describe('of a change', () => {
  it('both sides of a rename are touched, what is deleted, and the copy but not its source', () => {
    const facts = factsOf(
      moved('a', 'b'),
      file('c', { kind: 'DELETED' }),
      file('e', { kind: 'COPIED', previousPath: 'd' }),
      file('f', { kind: 'MODE_CHANGED' }),
    )
    expect(facts.paths).toEqual(['a', 'b', 'c', 'e', 'f'])
  })

  it('tests that were there before are guarded, whatever happens to them; new ones are not', () => {
    const facts = factsOf(
      file('tests/edited.py'),
      file('tests/deleted.py', { kind: 'DELETED' }),
      file('tests/mode.py', { kind: 'MODE_CHANGED' }),
      moved('tests/from.py', 'src/to.py'),
      moved('src/from.py', 'tests/to.py'),
      added('tests/new.py'),
      file('tests/copy.py', { kind: 'COPIED', previousPath: 'tests/source.py' }),
      file('src/a.py'),
    )
    expect(facts.editedTests).toEqual(['tests/edited.py', 'tests/deleted.py', 'tests/mode.py', 'tests/from.py'])
  })

  it.each<readonly [string, File, boolean]>([
    ['code that was analysed', file('a.py'), true],
    ['a new program that was analysed', added('a.py', '100755'), true],
    ['code that is deleted', file('a.py', { kind: 'DELETED' }), true],
    ['prose', file('README.md'), true],
    ['a new picture', { ...added('a.png'), isBinary: true, additions: 0 }, true],
    ['bytes that call themselves text', { ...added('a.txt'), isBinary: true, additions: 0 }, false],
    ['an unknown binary', { ...added('a.bin'), isBinary: true, additions: 0 }, false],
    ['a picture that can be run', { ...added('a.png', '100755'), isBinary: true }, false],
    ['a link that looks like prose', added('a.md', '120000'), false],
    ['a link that looks like code', added('a.py', '120000'), false],
    ['a submodule', added('vendor', '160000'), false],
    ['a shell script', file('a.sh'), false],
    ['a shell script that is deleted', file('a.sh', { kind: 'DELETED' }), false],
    ['code that only moves', moved('a.py', 'b.py'), false],
    [
      'code that moves and is edited by a line',
      moved('a.py', 'b.py', { additions: 1, patch: 'index 1..2 100644\n' }),
      false,
    ],
    ['prose that moves', moved('a.md', 'b.md', { additions: 1, patch: 'index 1..2 100644\n' }), true],
    ['code that becomes prose', moved('a.sh', 'a.md', { additions: 1 }), false],
    [
      'code that may now be run',
      file('a.py', { kind: 'MODE_CHANGED', additions: 0, deletions: 0, patch: 'old mode 100644\nnew mode 100755\n' }),
      false,
    ],
    ['a language named like a property of every object', file('a.constructor'), false],
    ['what configures', file('a.yml'), false],
    ['prose whose patch shows a mode of its own', file('a.md', { patch: '@@ -1 +1 @@\nnew mode 100644\n' }), false],
  ])('%s', (_, touched, isRead) => {
    expect(factsOf(touched).unread).toEqual(isRead ? [] : [touched.path])
  })
})

const escalation = (changes: object) => ({ name: 'e', capabilities: [], paths: [], requiredApprovals: 2, ...changes })
const met = (facts: ChangeFacts, policy: Partial<ApprovalPolicy>, mayBeAutomatic = true) =>
  rulesMet(facts, { ...defaultPolicy, ...policy }, mayBeAutomatic)

describe('an escalation', () => {
  const facts = changeFacts([file('net/a.py'), file('b.py')], {
    ...quiet,
    added: [use('SOCKET', 'net/a.py'), use('SOCKET', 'net/a.py'), use('PICKLE', 'b.py')],
  })

  it.each([
    ['of capabilities alone', { capabilities: ['PICKLE'] }, { capability: 'PICKLE', path: 'b.py' }],
    ['of paths alone', { paths: ['net/**'] }, { capability: null, path: 'net/a.py' }],
    ['of both', { capabilities: ['SOCKET'], paths: ['net/**'] }, { capability: 'SOCKET', path: 'net/a.py' }],
    ['whose capability is added elsewhere', { capabilities: ['PICKLE'], paths: ['net/**'] }, null],
    ['whose path is not touched', { paths: ['web/**'] }, null],
    ['whose capability is not added', { capabilities: ['EVAL_EXEC'] }, null],
  ])('%s', (_, rule, expected) => {
    const { escalations } = met(facts, { escalations: [escalation(rule)] })
    expect(escalations).toEqual(expected === null ? [] : [{ name: 'e', ...expected }])
  })

  it('is met by a program that moves to its paths, which brings along what it can do', () => {
    const rule = escalation({ capabilities: ['SOCKET'], paths: ['net/**'] })
    const metBy = (change: File) => met(factsOf(change), { escalations: [rule] }).escalations
    expect(metBy(moved('a.py', 'net/a.py'))).toEqual([{ name: 'e', capability: null, path: 'net/a.py' }])
    expect(metBy(moved('net/a.py', 'net/b.py'))).toEqual([])
    expect(metBy(moved('net/a.py', 'a.py'))).toEqual([])
    expect(metBy(moved('a.md', 'net/a.md'))).toEqual([])
  })
})

describe('an auto-approve rule', () => {
  const rule = { name: 'r', allowedCapabilities: [], paths: ['**'], maxChangedLines: null, requirePassingTests: false }
  const change = changeFacts([file('src/a.py')], { ...quiet, added: [use('FILESYSTEM_READ', 'src/a.py')] })
  const warning = { code: 'x', message: 'x', path: null, line: null }

  it.each<readonly [string, object, Partial<ApprovalPolicy>, ChangeFacts, boolean]>([
    ['permits what it allows', { allowedCapabilities: ['FILESYSTEM_READ'] }, {}, change, true],
    ['and no other capability', { allowedCapabilities: ['SOCKET'] }, {}, change, false],
    ['permits on its paths', { paths: ['src/**'] }, {}, factsOf(file('src/a.py')), true],
    ['and only where all are its', { paths: ['src/**'] }, {}, factsOf(file('src/a.py'), file('b.py')), false],
    ['the source of a rename among them', { paths: ['b.md'] }, {}, factsOf(moved('a.md', 'b.md')), false],
    ['permits as many lines', { maxChangedLines: 2 }, {}, factsOf(file('a.py')), true],
    ['and no more', { maxChangedLines: 1 }, {}, factsOf(file('a.py')), false],
    ['never with a warning', {}, {}, changeFacts([file('a.py')], { ...quiet, warnings: [warning] }), false],
    ['never with an issue', {}, {}, changeFacts([file('a.py')], { ...quiet, issues: [warning] }), false],
    ['never with what was not read', {}, {}, factsOf(file('a.py'), file('a.sh')), false],
    ['never an edited test', {}, {}, factsOf(file('tests/a.py')), false],
    ['but where they are not guarded', {}, { guardTests: false }, factsOf(file('tests/a.py')), true],
    ['a new test', {}, {}, factsOf(added('tests/a.py')), true],
    ['never a protected path', {}, { protectedPaths: ['src/**'] }, factsOf(file('src/a.py')), false],
    [
      'never where an escalation is met, though it asks for nobody more',
      {},
      { escalations: [escalation({ paths: ['src/**'], requiredApprovals: 1 })] },
      factsOf(file('src/a.py')),
      false,
    ],
    [
      'never a blocked capability, though it allows it',
      { allowedCapabilities: ['FILESYSTEM_READ'] },
      { blockedCapabilities: ['FILESYSTEM_READ'] },
      change,
      false,
    ],
  ])('%s', (_, changes, policy, facts, permitted) => {
    const given = { ...policy, autoApprove: [{ ...rule, ...changes }] }
    expect(met(facts, given).autoApprove).toEqual(permitted ? ['r'] : [])
    expect(met(facts, given, false).autoApprove).toEqual([])
  })
})

describe('a glob', () => {
  it.each<readonly [string, readonly string[], readonly string[]]>([
    ['src/**', ['src/a', 'src/a/.b'], ['asrc/a', 'a/src/b']],
    ['**/*.py', ['a.py', 'a/b/.c.py'], ['a.pyc', 'a.py/b']],
    ['a/**/b/**/c', ['a/b/c', 'a/x/b/y/z/c', 'a/b/b/c/c'], ['a/c', 'a/b/c/d']],
    ['*.md', ['a.md', '.md'], ['a/b.md', 'a.MD']],
    ['?.{py,js}', ['a.py', 'b.js'], ['ab.py', 'a.ts']],
    ['deploy', ['deploy'], ['deploy/a', 'xdeploy']],
    ['app/[id]/(x)/!a+b@c|$^".ts', ['app/[id]/(x)/!a+b@c|$^".ts'], ['app/i/x/a']],
    ['a.c', ['a.c'], ['abc']],
  ])('%s', (glob, yes, no) => {
    expect(globFault(glob)).toBeNull()
    expect(yes.filter((path) => pathMatcher(['x/x', glob])(path) !== glob)).toEqual([])
    expect(no.filter((path) => pathMatcher([glob])(path) !== undefined)).toEqual([])
  })

  it.each([
    ['', 'is empty'],
    ['/a', 'begins with a slash'],
    ['a/', 'ends with a slash'],
    ['a//b', 'two slashes'],
    ['../a', '. or ..'],
    ['./a', '. or ..'],
    ['a**', '** beside'],
    ['a\\b', 'backslash'],
    ['a\u0007', 'control'],
    ['{a', 'braces'],
    ['{a}', 'braces'],
    ['{a,{b,c}}', 'braces'],
    ['{a,*}', 'star in braces'],
    ['a{1..3}', 'braces'],
    ['***', '** beside'],
    ['*a*b*', 'stars'],
    ['**/a/**/b/**/c/**', '** more than'],
    ['a'.repeat(201), 'characters'],
  ])('is not %j', (glob, words) => {
    expect(globFault(glob)).toContain(words)
  })

  it('takes little time on the longest paths, however they are named', () => {
    const match = pathMatcher(['**/*a*a/**/*a*a/**/*a*ab', `**/*{${Array(20).fill('a')}}*b`])
    const paths = [16, 64].map((levels) =>
      Array(levels)
        .fill('a'.repeat(4_000 / levels))
        .join('/'),
    )
    const start = performance.now()
    for (const path of paths) expect(match(path)).toBeUndefined()
    expect(performance.now() - start).toBeLessThan(2_000)
  })
})
