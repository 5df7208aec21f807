import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { isLong } from '../support/long.ts'
import { blocks, pages, read, root } from './pages.ts'
import { breakableWire, openShell, type Shell } from './shell.ts'
import { type ShellCommand, shellCommands } from './shell-commands.ts'

/** What this test does not run, and why. */
const notRun: readonly (readonly [command: RegExp, reason: string])[] = [
  [/^docker (build|run)\b/, 'needs a Docker engine: tests/deployment builds and runs the image where there is one'],
  [/^(kubectl|cp ops\/kubernetes)/, 'needs a cluster'],
  [/^fly\b/, 'needs an account at Fly.io'],
  [/^(gh|npm audit)\b/, 'needs a published package'],
  [/^(git clone|cd project|git fetch origin)/, 'needs a remote of yours'],
  [/^export (DATABASE|REDIS)_URL=/, 'the test has a database of its own'],
  [/_API_KEY=\.\.\. /, 'needs keys of yours; npm run test:live has them'],
  [/^npm run demo\b/, 'takes long: COUNTERSIGN_LONG=1 runs it, below'],
  [/^npm test\b/, 'runs this very test'],
]

/** What another test runs as a process: the file, and what is to be found in it. */
const runElsewhere: readonly (readonly [command: RegExp, file: string, words: string])[] = [
  [/^npm run countersign -- fsck\b/, 'tests/maintenance/command.test.ts', "'fsck'"],
  // Where Docker answers.
  [/^docker compose\b/, 'tests/deployment/composition.test.ts', 'left()'],
  // The server that all commands here ask.
  [/^npm start\b/, 'tests/docs/shell.ts', 'npm start'],
  [/npm run countersign -- (backup|restore)\b/, 'tests/backup/command.test.ts', "'restore'"],
  [/^npm run countersign -- export\b/, 'tests/versions/export.test.ts', "'export'"],
  [/countersign (-- )?verify\b/, 'tests/evidence/command.test.ts', "'verify'"],
  [/^npm run countersign -- review\b(?! --)/, 'tests/review/screen.test.ts', "'review'"],
  [/^countersign review --url/, 'tests/review/screen.test.ts', "'review'"],
  [
    /^(git notes|sha256sum note|git log -1|python3 - <<'PYTHON'|openssl|git rev-parse)/,
    'tests/evidence/command.test.ts',
    'docs/EVIDENCE.md',
  ],
]

/** Goes on until it is told to end. */
const serves = /^npm run countersign -- (api|worker)/
/** Its exit code says how the machine is, and every machine is another one. */
const judges = /\bdoctor\b/

const commands = pages.flatMap(shellCommands)
const plain = (text: string) =>
  text.replace(/ +#.*/, '').replace(/^npm run (--silent )?countersign -- /, 'countersign ')
/** Once is enough for what leaves nothing behind. */
const isRepeated = ({ text }: ShellCommand, index: number) =>
  judges.test(text) && commands.findIndex((other) => plain(other.text) === plain(text)) !== index
const isHere = (command: ShellCommand) =>
  ![...notRun, ...runElsewhere].some(([pattern]) => pattern.test(command.text)) &&
  !isRepeated(command, commands.indexOf(command))
const playedPages = [...new Set(commands.filter(isHere).map(({ page }) => page))]

let shell: Shell
let project = ''
const ask = async (query: string, variables: object = {}) => {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${shell.token}` }
  const body = JSON.stringify({ query, variables })
  return (await (await fetch(`${shell.url}/graphql`, { method: 'POST', headers, body })).json()).data
}
beforeAll(async () => {
  shell = await openShell()
  for (;;) {
    const [sample] = (await ask('{ projects { nodes { id status } } }')).projects.nodes
    project = sample?.id
    if (sample?.status === 'READY') break
    await delay(100)
  }
  const content = '--- /dev/null\n+++ b/hello.py\n@@ -0,0 +1,2 @@\n+import subprocess\n+subprocess.run(["true"])\n'
  // What the pages on the reviewer's terminal take up: of what waits, the most risky.
  await ask(
    `mutation ($project: ID!, $content: String!) {
      proposeDiff(input: { projectId: $project, commitMessage: "Say hello", content: $content }) { __typename }
    }`,
    { project, content },
  )
})
afterAll(() => shell?.[Symbol.asyncDispose]())

/** As it is typed on the machine of the test: the server has another port there, and no name. */
const here = (text: string): string =>
  text.replaceAll('http://127.0.0.1:4000', shell.url).replaceAll('https://countersign.example.com', shell.url)

const hasCurl = spawnSync('curl', ['--version']).status === 0
const played = playedPages.map((page) => {
  const mine = commands.filter((command) => command.page === page && isHere(command))
  const needs = mine.some(({ text }) => text.includes('curl ')) ? ' (needs curl)' : ''
  return { page, mine, needs }
})

const play = async (mine: readonly ShellCommand[]): Promise<void> => {
  const serving = mine.filter(({ text }) => serves.test(text))
  const ended = await Promise.all(serving.map(async ({ text }) => [text, await shell.runUntilReady(text)] as const))
  for (const [text, { code, output }] of ended) expect(code, `${text}\n${output}`).toBe(0)
  const lines = mine
    .filter(({ text }) => !serves.test(text))
    .flatMap(({ text }) => [
      `printf '\\n$ %s\\n' ${JSON.stringify(text.split('\n')[0]).replaceAll('$', '\\$')}`,
      judges.test(text) ? `${here(text)} || [ $? -eq 1 ]` : here(text),
    ])
  const { code, output } = await shell.run(['set -e', ...lines].join('\n'))
  expect(code, output).toBe(0)
  expect(output).not.toMatch(/"errors":|Error"/)
}

for (const { page, mine, needs } of played) {
  it.skipIf(needs !== '' && !hasCurl)(`the commands of ${page} work${needs}`, () => play(mine))
}

const proposed = (path: string) =>
  ask(
    `mutation ($project: ID!, $content: String!) {
      proposeDiff(input: { projectId: $project, commitMessage: "Add it", content: $content }) { __typename }
    }`,
    { project, content: `--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+text\n` },
  )

it('the program that follows events goes on after its connection broke, and repeats nothing', async () => {
  const [program = ''] = blocks('docs/api-events.md', 'js')
  await using wire = await breakableWire(shell.url)
  await writeFile(join(shell.directory, 'follow.mjs'), program.replace('ws://127.0.0.1:4000', wire.url))
  const { eventCursor } = await ask('{ eventCursor }')
  const follower = shell.launch(`COUNTERSIGN_TOKEN=${shell.token} exec node follow.mjs ${eventCursor}`)
  const lines: string[] = []
  try {
    const printed = createInterface({ input: follower.stdout })[Symbol.asyncIterator]()
    const untilProposed = async () => {
      for (;;) {
        const { value = '', done } = await printed.next()
        if (done) throw new Error('The program has ended.')
        lines.push(value)
        if (value.endsWith(' DiffChanged')) return
      }
    }
    await proposed('one.txt')
    await untilProposed()
    wire.cut()
    await proposed('two.txt')
    await untilProposed()
  } finally {
    follower.kill()
  }
  expect(new Set(lines).size).toBe(lines.length)
})

it.each(runElsewhere)('%s is run by %s', (command, file, words) => {
  expect(existsSync(join(root, file)) && read(file).includes(words)).toBe(true)
  expect(commands.some(({ text }) => command.test(text))).toBe(true)
})

it.each(notRun)('%s is in the pages, and is not run here: it %s', (command) => {
  expect(commands.some(({ text }) => command.test(text))).toBe(true)
})

it.runIf(isLong).each(['npm run demo -- --yes', 'npm run demo -- --yes --scenario session'])(
  '%s ends in a commit (with COUNTERSIGN_LONG=1)',
  async (command) => {
    const { code, output } = await shell.run(`PORT=0 ${command}`)
    expect(code, output).toBe(0)
    expect(output).toMatch(/commit/i)
  },
  300_000,
)
