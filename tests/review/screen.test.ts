import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, glob, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { made } from '../factories/api.ts'
import { branchHas, numbered, patchOf } from '../factories/diff-commands.ts'
import { diffState, gitOf, proposed, review } from '../factories/gate.ts'
import { actorWithToken, addsFile, readyProject } from '../factories/pipeline.ts'
import { testCase } from '../factories/testing.ts'
import { main } from '../support/command.ts'
import { hasTerminals, type PseudoTerminal, startPseudoTerminal } from '../support/pseudo-terminal.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { openGate } from './network-gate.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false, pools: { maintenance: 1, tests: 1 } })
})
afterAll(() => server[Symbol.asyncDispose]())

interface Opening {
  readonly args?: readonly string[]
  readonly token?: string
  readonly env?: Readonly<Record<string, string>>
  readonly rows?: number
  readonly columns?: number
}

const openReview = ({ args = [], token, env = {}, ...size }: Opening = {}): PseudoTerminal =>
  startPseudoTerminal({
    command: [process.execPath, main(), 'review', ...args],
    env: { COUNTERSIGN_URL: server.url, COUNTERSIGN_TOKEN: token ?? server.token, ...env },
    ...size,
  })

const sees = (words: string) => (terminal: PseudoTerminal) => terminal.screen().join('\n').includes(words)
const shows = (terminal: PseudoTerminal, words: string) => terminal.until(`it shows ${words}`, sees(words))

const writes = addsFile('log.py', ['def log(line):', "    open('results.log', 'a').write(line)"])

/** A reviewer of one project alone, so that what other tests propose is not in their queue. */
const reviewerOf = async (projectId: string): Promise<string> => {
  const { id, token } = await actorWithToken(server, { name: 'Rae' })
  await server.query(
    `mutation ($id: ID!, $project: ID!) { setProjectMember(actorId: $id, projectId: $project, role: REVIEWER) { __typename } }`,
    { id, project: projectId },
  )
  return token
}

describe.runIf(hasTerminals).concurrent('at a terminal', () => {
  it('the queue grows by itself; a diff is read, approved and committed by single keys', async () => {
    const projectId = await readyProject(server, { name: 'queue' })
    const token = await reviewerOf(projectId)
    await using terminal = openReview({ token })
    await shows(terminal, 'Nothing waits for a review.')
    const { id } = await proposed(server, projectId, { content: writes, commitMessage: 'Keep a log' })
    await shows(terminal, '> Keep a log')
    terminal.type('\r')
    await shows(terminal, 'FILESYSTEM_WRITE log.py:2 open')
    expect(terminal.screen()).toHaveLength(24)
    expect(terminal.screen().slice(-3).join('\n')).toContain('a approve  x reject  c comment  v file reviewed')
    expect(terminal.screen().join('\n')).toContain('Risk 22\n  - adds FILESYSTEM_WRITE: open at log.py:2\n')
    terminal.type('v')
    await shows(terminal, 'It is files that are marked')
    for (const row of terminal.screen()) expect(row.length).toBeLessThanOrEqual(80)
    terminal.type('n')
    await shows(terminal, "2 +    open('results.log', 'a').write(line)")
    expect(`${terminal.screen().join('\n')}\n`).toMatchInlineSnapshot(`
      "2/2 (1-9 of 9) ADDED log.py +2 -0
      diff --git a/log.py b/log.py
      new file mode 100644
      index 0000000000000000000000000000000000000000..2f93d4842120c060e4cebea6493d8658
      7f9ec79e
      --- /dev/null
      +++ b/log.py
      hunk 0  @@ -0,0 +1,2 @@
          1 +def log(line):
          2 +    open('results.log', 'a').write(line)











      a approve  x reject  c comment  v file reviewed  h keep hunks  u to the head
      e edit message  t run tests  m commit  Space on  b back  j line down  k line up
      n next part  p part before  o overview  r reload  q leave
      "
    `)
    terminal.type('v')
    await shows(terminal, '2/2 (1-9 of 9) ADDED log.py +2 -0 [reviewed]')
    terminal.type('v')
    await shows(terminal, 'log.py is not marked any more.')
    terminal.type('vo')
    await shows(terminal, '1 of 1 file reviewed, 1 hunk, +2 -0')
    terminal.type('n')
    terminal.type('a')
    await shows(terminal, 'y yes  n no')
    terminal.type('n')
    await shows(terminal, 'Nothing was sent.')
    expect(await diffState(server, id)).toMatchObject({ status: 'HUMAN_REVIEWING', reviews: [] })
    terminal.type('ay')
    await shows(terminal, 'Approved. It can be committed now.')
    terminal.type('my')
    const head = () => gitOf(server, projectId, 'rev-parse', 'main')
    await shows(terminal, 'Committed as ')
    expect(terminal.screen().join('\n')).toContain(await head())
    terminal.type('q')
    await shows(terminal, 'Nothing waits for a review.')
    terminal.type('q')
    expect(await terminal.ended()).toEqual({ exitCode: 0, isRestored: true })
    expect(terminal.raw.endsWith('\u001b[?1049l')).toBe(true)
  })

  it('what the editor was given goes with a rejection and a remark; nothing written sends nothing', async () => {
    await using directory = await temporaryDirectory()
    const editor = join(directory.path, 'an editor')
    const log = join(directory.path, 'log')
    // The first time it leaves the file as it is.
    await writeFile(
      editor,
      `#!/bin/sh\ngrep -q '>8' "$1" && exec sed -i 's/^Change a file$/Keep a log/' "$1"\nstat -c %a "$1" >> '${log}'\n[ $(wc -l < '${log}') -gt 1 ] && printf 'Not like this.\\n' >> "$1"\nexit 0\n`,
    )
    await chmod(editor, 0o755)
    const projectId = await readyProject(server)
    const { id } = await proposed(server, projectId, { content: writes })
    await using terminal = openReview({
      args: ['--review', id],
      env: { EDITOR: `'${editor}'`, TMPDIR: directory.path },
    })
    await shows(terminal, '1/2')
    terminal.type('x')
    await shows(terminal, 'Nothing was sent.')
    terminal.type('n')
    await shows(terminal, '2/2')
    terminal.type('e')
    await shows(terminal, 'The message is changed. Still needed: 1 more approval')
    expect(terminal.screen().slice(0, 2)).toEqual([expect.stringContaining('1/2'), '  Keep a log'])
    terminal.type('e')
    await shows(terminal, 'Nothing was sent.')
    terminal.type('n')
    await shows(terminal, '2/2')
    terminal.type('c')
    await shows(terminal, 'On which line')
    terminal.type('2\r')
    await shows(terminal, 'Noted on log.py:2.')
    terminal.type('c')
    await shows(terminal, 'On which line')
    terminal.type('999\r')
    await shows(terminal, 'What you wrote is kept in')
    const [kept = ''] = await Array.fromAsync(glob('countersign-*/unsent.txt', { cwd: directory.path }))
    expect(await readFile(join(directory.path, kept), 'utf8')).toBe('Not like this.\n')
    terminal.type('x')
    await shows(terminal, 'Rejected, with your feedback.')
    terminal.type('o')
    await shows(terminal, 'REJECT: Not like this.')
    terminal.type('\u0003')
    expect(await terminal.ended()).toEqual({ exitCode: 130, isRestored: true })
    const { node } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Diff { status humanFeedback comments { path line text draft } } } }',
      { id },
    )
    expect(node).toEqual({
      status: 'HUMAN_REJECTED',
      humanFeedback: 'Not like this.',
      comments: [{ path: 'log.py', line: 2, text: 'Not like this.', draft: false }],
    })
  })

  it('hunks are kept by number, and the new diff is shown', async () => {
    const projectId = await readyProject(server)
    await branchHas(server, projectId, { 'a.txt': numbered(40) })
    const content = await patchOf(server, projectId, { 'a.txt': numbered(40, { 5: 'five', 20: 'twenty' }) })
    const { id } = await proposed(server, projectId, { content })
    await using terminal = openReview({ args: ['--review', id] })
    await shows(terminal, '1/2')
    terminal.type('h')
    await shows(terminal, 'Which hunks are kept')
    terminal.type('1\r')
    await shows(terminal, 'Keep 1 and drop the rest?')
    terminal.type('y')
    await shows(terminal, 'Kept, as the new diff')
    terminal.type('n')
    await shows(terminal, 'Since you last looked')
    terminal.type('n')
    await shows(terminal, '+twenty')
    expect(terminal.screen().join('\n')).not.toContain('+five')
    const head = await branchHas(server, projectId, { 'b.txt': 'b\n' })
    terminal.type('o')
    terminal.type('r')
    await shows(terminal, 'The branch has moved since')
    terminal.type('u')
    await shows(terminal, 'Move this change to the head of main?')
    terminal.type('y')
    await shows(terminal, 'Moved to the head, as the new diff')
    await shows(terminal, `on ${head}`)
    terminal.type('u')
    await shows(terminal, 'Move this change to the head of main?')
    terminal.type('y')
    await shows(terminal, 'It is on the head already.')
  })

  it("another reviewer's verdict is shown as it comes; one's own on what has changed is refused", async () => {
    const projectId = await readyProject(server)
    const { id, ...diff } = await proposed(server, projectId, { content: writes })
    await using terminal = openReview({ args: ['--review', id], columns: 40 })
    await shows(terminal, 'HUMAN_REVIEWING')
    for (const row of terminal.screen()) expect(row.length).toBeLessThanOrEqual(40)
    expect(terminal.screen().slice(-7).join('\n')).toMatch(/a approve[\s\S]*q leave/)
    const { token } = await actorWithToken(server, { name: 'Bo', role: 'REVIEWER' })
    expect(await review(server, { id, ...diff }, { verdict: 'REJECT', token })).toMatchObject({
      status: 'HUMAN_REJECTED',
    })
    await shows(terminal, 'Bo: REJECT')
    terminal.type('ay')
    await shows(terminal, 'The diff is HUMAN_REJECTED and cannot be')
    terminal.resize(30, 100)
    await terminal.until('it is redrawn', ({ screen }) => screen().length === 30)
  })

  it('tests are run by a key; their result comes by itself, and of what they print nothing is hidden', async () => {
    const projectId = await readyProject(server)
    const { id } = await proposed(server, projectId, { content: writes })
    // Later than the diff, which is tested by itself with the tests that there are.
    await testCase(server, projectId, { command: ['sh', '-c', "printf 'boom \\033[2J\\342\\200\\213\\n'; exit 1"] })
    await using terminal = openReview({ args: ['--review', id], rows: 40 })
    await shows(terminal, '1/2')
    terminal.type('t')
    await shows(terminal, 'tests FAILED: 0 of 1 test passed')
    terminal.type('n')
    await shows(terminal, '  boom <U+200B>')
    expect(terminal.screen()[0]).toBe('2/3 (1-4 of 4) Tests that did not pass')
  })

  it('a server that was away is waited for, and what happened meanwhile is shown once it is back', async () => {
    const projectId = await readyProject(server)
    const token = await reviewerOf(projectId)
    await using gate = await openGate(server.url)
    await using terminal = openReview({ token, env: { COUNTERSIGN_URL: gate.url } })
    await shows(terminal, 'Nothing waits for a review.')
    await gate.shut()
    await shows(terminal, 'Trying again.')
    await proposed(server, projectId, { content: writes, commitMessage: 'While it was away' })
    await gate.open()
    await shows(terminal, '> While it was away')
    expect(terminal.screen().join('\n')).not.toContain('Trying again.')
    await proposed(server, projectId, { content: writes, commitMessage: 'After that' })
    await shows(terminal, '  After that')
  })

  it('in plain mode nothing is redrawn and each answer is a line', async () => {
    const projectId = await readyProject(server, { name: 'plain' })
    const token = await reviewerOf(projectId)
    const { id } = await proposed(server, projectId, { content: writes, commitMessage: 'Keep a log' })
    await using gate = await openGate(server.url)
    await using terminal = openReview({
      args: ['--plain'],
      token,
      env: { NO_COLOR: '1', COUNTERSIGN_URL: gate.url, EDITOR: 'false' },
    })
    const reads = (words: string) => terminal.until(words, ({ written }) => written.includes(words))
    await reads('1. Keep a log')
    terminal.type('1\n')
    await reads('Part 1 of 2: Overview')
    expect(await diffState(server, id)).toMatchObject({ status: 'HUMAN_REVIEWING' })
    terminal.type('n\n')
    await reads('Part 2 of 2: ADDED log.py +2 -0')
    terminal.type('x\n')
    await reads('The editor false ended with 1: nothing was sent.')
    // Whatever makes it look again, nothing is approved that was not read out.
    await made(server, 'updateCommitMessage', { diffId: id, message: 'Keep another log' })
    terminal.type('v\n')
    await reads('its commit message changed: read it again.')
    await reads('  Keep another log')
    const confirm = 'exactly as it was shown? Type yes or no:'
    for (const message of ['Keep a third log', null]) {
      if (message !== null) await made(server, 'updateCommitMessage', { diffId: id, message })
      const before = terminal.written.split(confirm).length
      terminal.type('a\n')
      await terminal.until('a question', ({ written }) => written.split(confirm).length > before)
      terminal.type('yes\n')
      if (message !== null) await reads(`  ${message}`)
    }
    await reads('Approved. It can be committed now.')
    terminal.type('q\n')
    await reads('1 of 1 approvals')
    await gate.shut()
    terminal.type('r\n')
    await reads('no answer from')
    terminal.type('\u0003')
    expect(await terminal.ended()).toEqual({ exitCode: 130, isRestored: true })
    expect(terminal.raw).not.toContain('\u001b')
    expect(terminal.raw).not.toMatch(/[\u2500-\u257f]/)
    expect(await diffState(server, id)).toMatchObject({ status: 'APPROVED' })
  })

  it('who may only read is told so, and can', async () => {
    const projectId = await readyProject(server)
    const { id } = await proposed(server, projectId, { content: writes })
    const { token } = await actorWithToken(server, { name: 'Viv', role: 'VIEWER' })
    await using terminal = openReview({ args: ['--review', id], token })
    await shows(terminal, 'You can read it, and no more')
    terminal.type('ay')
    await shows(terminal, 'REVIEWER')
    expect(await diffState(server, id)).toMatchObject({ status: 'PROPOSED', reviews: [] })
  })
})

it('who reads no further, as head does, ends it without an error', async () => {
  const projectId = await readyProject(server)
  const { id } = await proposed(server, projectId, { content: addsFile('long.txt', numbered(5_000).split('\n')) })
  const child = spawn(process.execPath, [main(), 'review', '--review', id], {
    env: { PATH: process.env.PATH, COUNTERSIGN_URL: server.url, COUNTERSIGN_TOKEN: server.token },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (text: Buffer) => {
    said += text
  })
  child.stdout.once('data', () => child.stdout.destroy())
  const [exitCode] = await once(child, 'close')
  expect({ exitCode, said }).toEqual({ exitCode: 0, said: '' })
})
