import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSigner } from '../../src/adapters/evidence/signer.ts'
import { requestOf } from '../../src/domain/commit/commit-request.ts'
import { statedApproval } from '../../src/domain/evidence/check-approval.ts'
import { sealStatement } from '../../src/domain/evidence/envelope.ts'
import type { Statement } from '../../src/domain/evidence/statement.ts'
import { verifyEvidence } from '../../src/domain/evidence/verify-evidence.ts'
import type { Signer } from '../../src/domain/ports/signer.ts'
import {
  type Clone,
  type CommittedDiff,
  cloneOf,
  cloneOfProject,
  committedChange,
  noteOf,
  sha256,
  statementIn,
} from '../factories/evidence.ts'
import { addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let projectId: string
let keyId: string
let first: CommittedDiff
let second: CommittedDiff
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false })
  projectId = await readyProject(server)
  first = await committedChange(server, projectId, { content: addsFile('a.txt', ['a']) })
  second = await committedChange(server, projectId, {
    content: addsFile('dir/b.txt', ['b']),
    commitMessage: 'Add b\n\nWhy.',
  })
  keyId = server.context.services.signer.keyId
})
afterAll(() => server[Symbol.asyncDispose]())

const clone = () => cloneOfProject(server, projectId)

/** Gives a commit of a clone the note that the second commit has, or other bytes. */
const giveNote = async (to: Clone, commit: string, bytes?: Buffer | string): Promise<void> => {
  const blob = await to.write(
    bytes ?? (await noteOf(server, projectId, second.oid)) ?? '',
    'hash-object',
    '-w',
    '--stdin',
  )
  await to.git('notes', '--ref=countersign', 'add', '-f', '-C', blob, commit)
}

/** The second commit with some of its bytes changed, as git would store it. */
const rewritten = async (of: Clone, change: (text: string) => string): Promise<string> => {
  const text = await of.git('cat-file', 'commit', second.oid)
  const changed = change(text)
  expect(changed).not.toBe(text)
  return await of.write(`${changed}\n`, 'hash-object', '-t', 'commit', '-w', '--stdin')
}

describe('a clone', () => {
  it('proves every commit that was countersigned, by any name that git has for it, wherever its .git is', async () => {
    await using own = await clone()
    expect(await own.verify('HEAD', keyId)).toMatchObject({
      oid: second.oid,
      subject: 'Add b',
      faults: [],
      statement: { predicate: { diff: { id: rowId(second.diff.id) } } },
      // Two directories and two files.
      objects: 4,
    })
    for (const name of ['main', 'origin/main', second.oid.slice(0, 10)]) {
      expect((await own.verify(name, keyId))?.oid).toBe(second.oid)
    }
    expect(await own.verify('HEAD~1', keyId)).toMatchObject({ oid: first.oid, faults: [], objects: 2 })
    expect(await own.verify('no-such', keyId)).toBeNull()
    expect(await own.verify('--all', keyId)).toBeNull()
    await using bare = await cloneOf(own.path, ['--bare'])
    expect(await bare.faults('HEAD', keyId)).toEqual([])
    await using linked = await clone()
    await linked.git('worktree', 'add', '-q', '-b', 'other', join(linked.path, 'linked'))
    expect(await linked.faults('HEAD', keyId, join(linked.path, 'linked'))).toEqual([])
  })

  it('of a repository with SHA-256 names, with renames and new modes, is proven as well', async () => {
    const format = { objectFormat: 'SHA256' }
    const id = await readyProject(server, { source: { empty: true }, ...format })
    await committedChange(server, id, { content: addsFile('old name.txt', ['one', 'two', 'three']) })
    await committedChange(server, id, {
      content: 'diff --git a/old name.txt b/näher.txt\nrename from old name.txt\nrename to näher.txt\n',
    })
    await committedChange(server, id, {
      content: 'diff --git a/näher.txt b/näher.txt\nold mode 100644\nnew mode 100755\n',
    })
    await using own = await cloneOf(server.context.services.git.directory(rowId(id)))
    for (const revision of ['HEAD', 'HEAD~1', 'HEAD~2']) expect(await own.faults(revision, keyId)).toEqual([])
    expect(await own.faults('HEAD~3', keyId)).toEqual(['NO_EVIDENCE'])
  })

  it('without the notes, or with the note of another commit, proves nothing', async () => {
    await using own = await clone()
    await own.git('notes', '--ref=countersign', 'copy', '-f', first.oid, second.oid)
    expect(await own.faults('HEAD', keyId)).toEqual(['NOTE_CHANGED'])
    await own.git('notes', '--ref=countersign', 'remove', second.oid)
    expect(await own.faults('HEAD', keyId)).toEqual(['NO_NOTE'])
    expect(await own.faults('HEAD~1', keyId)).toEqual([])
    await own.git('update-ref', '-d', 'refs/notes/countersign')
    expect(await own.faults('HEAD~1', keyId)).toEqual(['NO_NOTE'])
    expect(await own.faults('HEAD~2', keyId)).toEqual(['NO_EVIDENCE'])
    await giveNote(own, second.oid, 'x'.repeat(5_000_000))
    expect(await own.faults('HEAD', keyId)).toEqual(['NOTE_TOO_LARGE'])
  })

  it('proves nothing to who trusts another key', async () => {
    await using own = await clone()
    const verified = await own.verify('HEAD', 'f'.repeat(64))
    expect(verified).toMatchObject({ statement: null, faults: [{ code: 'OTHER_KEY' }] })
    expect(verified?.faults[0]?.words).toContain(keyId)
  })

  it('that is shallow says what it lacks', async () => {
    await using own = await cloneOf(server.context.services.git.directory(rowId(projectId)), ['--depth=1'])
    const verified = await own.verify('HEAD', keyId)
    expect(verified?.faults.map(({ code }) => code)).toEqual(['OTHER_BASE'])
    expect(verified?.faults[0]?.words).toContain('git fetch --unshallow')
  })
})

describe('any changed byte', () => {
  it('of the note, at every place, is seen; on the disk as well', async () => {
    await using own = await clone()
    const note = (await noteOf(server, projectId, second.oid)) ?? Buffer.alloc(0)
    await using repository = await own.open()
    const commit = await repository.commit(second.oid)
    if (!commit) throw new Error('unreachable')
    const codes = async (content: Buffer, message = commit.message) => {
      const found = { size: content.length, content }
      const { faults } = await verifyEvidence(repository, { ...commit, message }, found, keyId, { contents: false })
      return faults.map(({ code }) => code)
    }
    expect(await codes(note)).toEqual([])
    const flipped = (place: number) => {
      const changed = Buffer.from(note)
      changed[place] = (changed[place] ?? 0) ^ 1
      return changed
    }
    const seen = new Set<string>()
    for (let place = 0; place < note.length; place += 1) {
      expect(await codes(flipped(place))).toEqual(['NOTE_CHANGED'])
      // Somebody who may write commits names the changed note in the message, and so makes another commit.
      const named = commit.message.replace(sha256(note), sha256(flipped(place)))
      const [code] = place % 5 === 0 ? await codes(flipped(place), named) : ['NOTE_CHANGED']
      seen.add(code ?? 'valid')
    }
    // Base64 has bits at its end that mean nothing: where one of them changes, nothing but the commit is another.
    seen.delete('OTHER_COMMIT')
    expect([...seen].toSorted()).toEqual(['BAD_SIGNATURE', 'NOTE_CHANGED', 'NO_ENVELOPE', 'OTHER_KEY'])
    for (const content of [note.subarray(0, -1), Buffer.concat([note, Buffer.from('\n')]), Buffer.alloc(0)]) {
      expect(await codes(content)).toEqual(['NOTE_CHANGED'])
    }
    for (let place = 0; place < note.length; place += Math.ceil(note.length / 5)) {
      await giveNote(own, second.oid, flipped(place))
      expect(await own.faults('HEAD', keyId)).toEqual(['NOTE_CHANGED'])
    }
  })

  it.each([
    ['message', (text: string) => text.replace('Why.', 'Because.'), 'message or trailers'],
    ['reviewer', (text: string) => text.replace('Reviewed-by: Admin', 'Reviewed-by: Edmin'), 'message or trailers'],
    ['diff', (text: string) => text.replace(/Countersign-Diff: ./, 'Countersign-Diff: x'), 'message or trailers'],
    ['author', (text: string) => text.replace('author Admin', 'author Edmin'), 'author, committer or dates'],
    ['committer', (text: string) => text.replace('committer Admin', 'committer Edmin'), 'author, committer or dates'],
    ['date', (text: string) => text.replace(/(committer .*> )\d/, '$19'), 'author, committer or dates'],
    ['zone', (text: string) => text.replace('+0000', '+0100'), 'author, committer or dates'],
    ['header', (text: string) => text.replace('\n\n', '\nencoding latin1\n\n'), 'author, committer or dates'],
  ])('of the commit that takes its %s is seen, although the note goes with it', async (_name, change, words) => {
    await using own = await clone()
    const oid = await rewritten(own, change)
    await giveNote(own, oid)
    const verified = await own.verify(oid, keyId)
    expect(verified?.faults).toEqual([{ code: 'OTHER_COMMIT', words: expect.stringContaining(words) }])
  })

  it('of the commit that takes its trailer leaves no evidence, or the wrong one', async () => {
    await using own = await clone()
    const without = await rewritten(own, (text) => text.replace(/Countersign-Evidence/, 'Countersign-evidence'))
    await giveNote(own, without)
    expect(await own.faults(without, keyId)).toEqual(['NO_EVIDENCE'])
    const twice = await rewritten(own, (text) => `${text}\nCountersign-Evidence: sha256:${'0'.repeat(64)}`)
    await giveNote(own, twice)
    expect(await own.faults(twice, keyId)).toEqual(['NO_EVIDENCE'])
  })

  it('of the tree or the parent is seen, as by a rebase or an amended file', async () => {
    await using own = await clone()
    const tree = await own.git('rev-parse', `${first.oid}^{tree}`)
    const amended = await rewritten(own, (text) => text.replace(/^tree .*/, `tree ${tree}`))
    await giveNote(own, amended)
    const verified = await own.verify(amended, keyId)
    expect(verified?.faults).toEqual([{ code: 'OTHER_COMMIT', words: expect.stringContaining('tree') }])
    const moved = await rewritten(own, (text) => text.replace(/^parent .*/m, `parent ${second.oid}`))
    await giveNote(own, moved)
    expect((await own.verify(moved, keyId))?.faults[0]).toMatchObject({ words: expect.stringContaining('parents') })
  })

  it.each(['a.txt', 'dir', 'dir/b.txt'])(
    'of %s in the tree is seen, also where git itself would not look',
    async (path) => {
      await using own = await clone()
      await own.unpack()
      expect(await own.faults('HEAD', keyId)).toEqual([])
      const id = await own.git('rev-parse', `HEAD:${path}`)
      const other =
        path === 'dir' ? await own.git('rev-parse', 'HEAD^{tree}') : await own.git('rev-parse', 'HEAD~1:a.txt')
      const file = own.fileOf(id)
      await chmod(file, 0o644)
      if (path === 'a.txt') await writeFile(file, deflateSync('blob 6\0other\n'))
      else await writeFile(file, await readFile(own.fileOf(other)))
      const verified = await own.verify('HEAD', keyId)
      expect(verified?.faults).toEqual([{ code: 'DAMAGED', words: expect.stringContaining(id) }])
      await rm(file)
      expect((await own.verify('HEAD', keyId))?.faults).toEqual([
        { code: 'DAMAGED', words: expect.stringContaining(id) },
      ])
    },
  )
})

/** The second commit's statement changed and signed, and a commit that names it. @returns the commit's id */
const signedOtherwise = async (
  of: Clone,
  signer: Signer,
  change: (statement: Statement) => unknown,
): Promise<string> => {
  const statement: Statement = statementIn(await noteOf(server, projectId, second.oid))
  change(statement)
  const { predicate } = statement
  const sealed = sealStatement(signer, statement)
  const { reviewers } = statedApproval(predicate)
  const request = requestOf(predicate.commit, { diffId: predicate.diff.id, reviewers, evidenceHash: sha256(sealed) })
  await using repository = await of.open()
  const dated = (who: typeof request.author) => ({ ...who, at: new Date(who.at) })
  const expected = repository.commitId({
    ...request,
    author: dated(request.author),
    committer: dated(request.committer),
  })
  const seconds = (at: string) => Math.floor(Date.parse(at) / 1000)
  const line = (who: typeof request.author) => `${who.name} <${who.email}> ${seconds(who.at)} +0000`
  const text = [
    `tree ${request.tree}`,
    ...request.parents.map((parent) => `parent ${parent}`),
    `author ${line(request.author)}`,
    `committer ${line(request.committer)}`,
    '',
    request.message,
  ].join('\n')
  const oid = await of.write(text, 'hash-object', '-t', 'commit', '-w', '--stdin')
  expect(oid).toBe(expected)
  await giveNote(of, oid, sealed)
  return oid
}

describe('a statement', () => {
  const cases: readonly [string, (statement: Statement) => unknown, RegExp][] = [
    ['no review', ({ predicate }) => Object.assign(predicate, { reviews: [] }), /1 more approval/],
    [
      'a review of another patch',
      ({ predicate }) => predicate.reviews.map((review) => Object.assign(review, { contentHash: '0'.repeat(64) })),
      /1 more approval/,
    ],
    [
      'a review of another message',
      ({ predicate }) => predicate.reviews.map((review) => Object.assign(review, { messageHash: '0'.repeat(64) })),
      /1 more approval/,
    ],
    [
      'a reviewer who may not',
      ({ predicate }) => predicate.reviews.map((review) => Object.assign(review, { mayReview: false })),
      /1 more approval/,
    ],
    [
      'a rejection',
      ({ predicate }) => predicate.reviews.map((review) => Object.assign(review, { verdict: 'REJECT' })),
      /1 more approval/,
    ],
    [
      'rules that the reviews are not bound to',
      ({ predicate }) => Object.assign(predicate.policy.rules, { requiredApprovals: 0 }),
      /hash that the reviews are bound to/,
    ],
    [
      'code that does not parse',
      ({ predicate }) => Object.assign(predicate.evaluation, { syntaxValid: false }),
      /code that parses/,
    ],
  ]
  it.each(cases)('that is signed with the right key and has %s proves nothing', async (_name, change, words) => {
    await using own = await clone()
    const oid = await signedOtherwise(own, server.context.services.signer, change)
    const verified = await own.verify(oid, keyId)
    expect(new Set(verified?.faults.map(({ code }) => code))).toEqual(new Set(['NOT_APPROVED']))
    expect(verified?.faults.map((fault) => fault.words).join(' ')).toMatch(words)
  })

  it('of another change, base tree or form, signed with the right key, proves nothing', async () => {
    await using own = await clone()
    const { signer } = server.context.services
    const changes: readonly [string, (statement: Statement) => unknown][] = [
      ['OTHER_CHANGE', ({ subject }) => Object.assign(subject[1].digest, { sha256: '0'.repeat(64) })],
      ['OTHER_COMMIT', ({ subject }) => Object.assign(subject[0].digest, { gitTree: '0'.repeat(40) })],
      ['OTHER_COMMIT', ({ subject }) => Object.assign(subject[2].digest, { sha256: '0'.repeat(64) })],
      ['OTHER_BASE', ({ predicate }) => Object.assign(predicate.base, { tree: '0'.repeat(40) })],
      ['NO_STATEMENT', (statement) => Object.assign(statement, { predicateType: 'https://example.com/other' })],
      ['NO_STATEMENT', ({ predicate }) => Object.assign(predicate.policy.rules, { unheardOf: true })],
    ]
    for (const [code, change] of changes) {
      expect(await own.faults(await signedOtherwise(own, signer, change), keyId)).toEqual([code])
    }
    expect(await own.faults(await signedOtherwise(own, signer, () => undefined), keyId)).toEqual([])
  })

  it('that somebody signed with a key of their own, as ours or as theirs, proves nothing', async () => {
    await using own = await clone()
    const theirs = createSigner('7'.repeat(64))
    const openly = await signedOtherwise(own, theirs, () => undefined)
    expect(await own.faults(openly, keyId)).toEqual(['OTHER_KEY'])
    expect(await own.faults(openly, theirs.keyId)).toEqual([])
    const { publicKey } = server.context.services.signer
    const asOurs = await signedOtherwise(own, { ...theirs, keyId, publicKey }, () => undefined)
    expect(await own.faults(asOurs, keyId)).toEqual(['BAD_SIGNATURE'])
    const named = await signedOtherwise(own, { ...theirs, keyId }, () => undefined)
    expect(await own.faults(named, keyId)).toEqual(['OTHER_KEY'])
  })
})

describe('a repository that is an enemy', () => {
  it('has none of its programs run, and none of its configuration, replacements or grafts believed', async () => {
    await using own = await clone()
    const mark = join(own.path, 'mark')
    const program = join(own.path, 'program.sh')
    await writeFile(program, `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 })
    for (const [key, value] of [
      ['core.fsmonitor', program],
      ['core.hooksPath', own.path],
      ['core.pager', program],
      ['core.sshCommand', program],
      ['diff.external', program],
      ['alias.rev-parse', `!${program}`],
      ['extensions.partialClone', 'evil'],
      ['remote.evil.promisor', 'true'],
      ['remote.evil.url', `ext::${program}`],
      ['remote.evil.uploadpack', program],
      ['protocol.ext.allow', 'always'],
      ['protocol.file.allow', 'always'],
      ['core.repositoryformatversion', '1'],
    ] as const) {
      await own.git('config', key, value)
    }
    await own.git('replace', second.oid, first.oid)
    await writeFile(join(own.path, '.git', 'info', 'grafts'), `${second.oid}\n`)
    expect(await own.faults(second.oid, keyId)).toEqual([])
    await own.unpack()
    const blob = await own.git('rev-parse', 'refs/heads/main:a.txt')
    await rm(own.fileOf(blob))
    expect(await own.faults(second.oid, keyId)).toEqual(['DAMAGED'])
    await expect(stat(mark)).rejects.toMatchObject({ code: 'ENOENT' })
    // The trap is one: git as people run it falls into it.
    await own.git('cat-file', '-e', blob).catch(() => undefined)
    expect((await stat(mark)).isFile()).toBe(true)
  })
})
