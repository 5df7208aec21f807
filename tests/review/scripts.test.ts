import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { made } from '../factories/api.ts'
import { branchHas, numbered, patchOf, shownDiff } from '../factories/diff-commands.ts'
import { diffState, gitOf, proposed, sqlOf } from '../factories/gate.ts'
import { actorWithToken, addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { runReview } from './review-command.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false, pools: { maintenance: 1 } })
})
afterAll(() => server[Symbol.asyncDispose]())

const writes = addsFile('log.py', ['def log(line):', "    open('results.log', 'a').write(line)"])

const seenOf = async (id: string): Promise<string> => {
  const { lines } = await runReview(server, { review: id }, { json: true })
  return String(lines[0]?.seen)
}

describe.concurrent('without a terminal', () => {
  it('what waits is listed, read, approved as it was seen, and committed', async () => {
    const projectId = await readyProject(server, { name: 'listed' })
    const { id } = await proposed(server, projectId, { content: writes, commitMessage: 'Keep a log\n\nOf results.' })
    const listed = await runReview(server, { list: true })
    expect(listed.out).toContain(`${id}\n  Keep a log\n  listed, PROPOSED, risk 22, +2 -0, no tests were run, 0 of 1`)
    expect(listed.out).toContain('  adds FILESYSTEM_WRITE: open at log.py:2; no test was run on it\n')
    const shown = await runReview(server, { review: id })
    expect(shown.exitCode).toBe(0)
    expect(shown.out).toContain('1 more approval by a person with the role REVIEWER')
    expect(shown.out).toContain('Risk 22\n  - adds FILESYSTEM_WRITE: open at log.py:2\n  - no test was run on it\n')
    expect(shown.out).toContain('0 of 1 file reviewed, 1 hunk, +2 -0')
    expect(shown.out).toMatch(/\+ FILESYSTEM_WRITE log\.py:2 open\n\s+open\('results\.log', 'a'\)/)
    expect(shown.out).toContain(
      "hunk 0  @@ -0,0 +1,2 @@\n    1 +def log(line):\n    2 +    open('results.log', 'a').write(line)",
    )
    const seen = await seenOf(id)
    expect(shown.out).toContain(`countersign review --review ${id} --approve --seen ${seen}`)
    const early = await runReview(server, { review: id, commit: true })
    expect(early).toMatchObject({ exitCode: 1, err: expect.stringContaining('approval') })
    expect((await runReview(server, { review: id, approve: true, seen })).out).toBe(
      'Approved. It can be committed now.\n',
    )
    const committed = await runReview(server, { review: id, commit: true }, { json: true })
    const head = await gitOf(server, projectId, 'rev-parse', 'main')
    expect(committed.lines).toMatchObject([{ type: 'commit', status: 'COMMITTED', commit: { oid: head } }])
    expect((await runReview(server, { review: id, commit: true })).exitCode).toBe(1)
  })

  it('what waits is listed worst first, or oldest first', async () => {
    const projectId = await readyProject(server)
    const { id: member, token } = await actorWithToken(server, { name: 'Lia' })
    await made(server, 'setProjectMember', { projectId, actorId: member, role: 'VIEWER' })
    const plain = await proposed(server, projectId, { content: addsFile('a.txt', ['a']) })
    const risky = await proposed(server, projectId, { content: writes })
    const listed = async (order?: string) => {
      const given = order === undefined ? { list: true } : { list: true, order }
      const { lines } = await runReview(server, given, { json: true, token })
      return lines.filter(({ type }) => type === 'pending').map(({ id, risk }) => ({ id, risk }))
    }
    const [worst] = await listed()
    expect(worst).toEqual({
      id: risky.id,
      risk: { score: 22, reasons: ['adds FILESYSTEM_WRITE: open at log.py:2', 'no test was run on it'] },
    })
    expect((await listed('risk')).map(({ id }) => id)).toEqual([risky.id, plain.id])
    expect((await listed('age')).map(({ id }) => id)).toEqual([plain.id, risky.id])
  })

  it('a verdict on other hashes than there are now is refused, and nothing has changed', async () => {
    const projectId = await readyProject(server)
    const { id } = await proposed(server, projectId, { content: writes })
    const seen = await seenOf(id)
    const otherContent = `${'0'.repeat(64)}${seen.slice(64)}`
    const otherEvaluation = `${seen.slice(0, 65)}${'0'.repeat(64)}`
    const otherMessage = `${seen.slice(0, 130)}${'0'.repeat(64)}`
    for (const other of [otherContent, otherEvaluation, otherMessage]) {
      const refused = await runReview(server, { review: id, approve: true, seen: other })
      expect(refused).toMatchObject({ exitCode: 1, err: expect.stringMatching(/read (the diff|it) again/) })
    }
    expect((await diffState(server, id)).reviews).toEqual([])
  })

  it('a rejection carries what stdin says, and the remarks that were noted on lines', async () => {
    const projectId = await readyProject(server)
    const { id } = await proposed(server, projectId, { content: writes })
    const remark = { review: id, comment: 'log.py:2', message: 'Close it.' }
    expect((await runReview(server, remark)).out).toContain('Noted on log.py:2.')
    expect(await runReview(server, { ...remark, comment: 'log.py:9' })).toMatchObject({
      exitCode: 1,
      err: 'line: must be 1 to 2',
    })
    const seen = await seenOf(id)
    const empty = await runReview(server, { review: id, reject: true, seen }, { stdin: ' \n' })
    expect(empty).toMatchObject({ exitCode: 2, err: 'Nothing was written: nothing was sent.' })
    expect(
      (await runReview(server, { review: id, reject: true, seen }, { stdin: 'Use a file of its own.\n' })).exitCode,
    ).toBe(0)
    const { out } = await runReview(server, { review: id })
    expect(out).toContain('REJECT: Use a file of its own.')
    expect(out).toMatch(/log\.py:2 .*: Close it\./)
  })

  it("an evaluator's rejection is overruled by an approval all the same", async () => {
    const projectId = await readyProject(server)
    const { id } = await proposed(server, projectId, { content: writes })
    await sqlOf(server, "update diff set status = 'EVALUATOR_REJECTED' where id = $1", [rowId(id)])
    expect((await runReview(server, { review: id, approve: true, seen: await seenOf(id) })).exitCode).toBe(0)
    expect(await diffState(server, id)).toMatchObject({ status: 'APPROVED' })
  })

  it('a commit message cannot imitate the approvals that are missing', async () => {
    const projectId = await readyProject(server)
    const commitMessage = 'Add it\n\nApprovals: 1 of 1\nNothing is missing: it can be committed.'
    const { id } = await proposed(server, projectId, { content: writes, commitMessage })
    const { out } = await runReview(server, { review: id })
    expect(out.match(/^Approvals: .*$/gm)).toEqual(['Approvals: 0 of 1'])
  })

  it('some hunks are kept by number, and a change without hunks by its own', async () => {
    const projectId = await readyProject(server)
    await branchHas(server, projectId, { 'a.txt': numbered(40), 'old.txt': 'moved\n' })
    const content = await patchOf(server, projectId, {
      'a.txt': numbered(40, { 5: 'five', 20: 'twenty', 35: 'thirty-five' }),
      'old.txt': null,
      'new.txt': 'moved\n',
    })
    const { id } = await proposed(server, projectId, { content })
    const wrong = await runReview(server, { review: id, keep: '0-7' })
    expect(wrong).toMatchObject({ exitCode: 2, err: 'This diff has no hunk 3.' })
    const { lines } = await runReview(server, { review: id, keep: '0,2,f0' }, { json: true })
    const kept = await runReview(server, { review: String(lines[0]?.id) })
    expect(kept.out).toMatch(/RENAMED new\.txt \(was old\.txt\)/)
    expect(kept.out).toContain('+five')
    expect(kept.out).not.toContain('+twenty')
    expect(await shownDiff(server, id)).toMatchObject({ status: 'SUPERSEDED' })
  })

  it('a token without rights reads, and is told what it lacks', async () => {
    const projectId = await readyProject(server)
    const { id } = await proposed(server, projectId, { content: writes })
    const { token } = await actorWithToken(server, { name: 'Viv', role: 'VIEWER' })
    const seen = await seenOf(id)
    expect((await runReview(server, { review: id }, { token })).exitCode).toBe(0)
    const refused = await runReview(server, { review: id, approve: true, seen }, { token })
    expect(refused).toMatchObject({ exitCode: 1, err: expect.stringContaining('REVIEWER') })
    const unknown = await runReview(server, { list: true }, { token: 'nobodys-token' })
    expect(unknown.exitCode).toBe(1)
    expect(unknown.err).not.toContain('nobodys-token')
  })

  it('hostile text is written out, for people and in JSON', async () => {
    const projectId = await readyProject(server)
    const line = 'a\u001b]0;pwned\u0007\u202eb\u001b[2J\rc'
    const { id } = await proposed(server, projectId, { content: addsFile('x.txt', [line]) })
    const { out } = await runReview(server, { review: id })
    expect(out).toContain('+a<U+001B>]0;pwned<U+0007><U+202E>b<U+001B>[2J<U+000D>c')
    const { out: json } = await runReview(server, { review: id }, { json: true })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    for (const text of [out, json]) expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
  })
})

it.each([
  [{}, 'countersign review --list'],
  [{ approve: true }, '--approve needs --review ID'],
  [{ review: 'x', approve: true }, 'give --seen CONTENT:EVALUATION'],
  [{ review: 'x', approve: true, commit: true }, 'One thing at a time: --approve and --commit'],
  [{ review: 'x', list: true }, 'goes with no diff'],
  [{ list: true, order: 'size' }, '--order size is none: give age or risk'],
  [{ review: 'x', order: 'age' }, '--order goes with the queue and with --list'],
  [{ review: 'x', message: 'hi' }, '--message goes with --reject or --comment'],
  [{ review: 'x', comment: 'log.py' }, 'give PATH:LINE'],
  [{ review: 'nothing' }, 'There is no diff with the id nothing'],
  [{ list: true, url: 'ftp://host' }, 'is no address of a server'],
  [{ list: true, tokenFile: '/nowhere/token' }, 'There is no token to be read in /nowhere/token'],
])('%j is a matter of usage', async (given, says) => {
  expect(await runReview(server, given)).toMatchObject({ exitCode: 2, err: expect.stringContaining(says) })
})
