import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createFixture } from '../sandbox/sandbox-fixture.ts'
import { testSandbox } from '../support/sandbox.ts'
import { readCorpus, type Snippet } from './corpus.ts'

/**
 * Python itself is the judge of the labels: snippets that do no harm are run under an audit hook, which sees what each
 * line does. Which capabilities an event may stand for where it is not quite the same thing:
 */
const related: Readonly<Record<string, readonly string[]>> = {
  SOCKET: ['SOCKET', 'NETWORK_REQUEST'],
  NETWORK_REQUEST: ['NETWORK_REQUEST', 'SOCKET'],
  // A store that is opened is read or written, as the label says.
  FILESYSTEM_WRITE: ['FILESYSTEM_WRITE'],
  FILESYSTEM_READ: ['FILESYSTEM_READ', 'FILESYSTEM_WRITE', 'IMPORT_DYNAMIC'],
  EVAL_EXEC: ['EVAL_EXEC', 'IMPORT_DYNAMIC'],
  SUBPROCESS: ['SUBPROCESS'],
  PICKLE: ['PICKLE', 'IMPORT_DYNAMIC'],
}

const sandbox = testSandbox()

/** The lines and capabilities that running a snippet shows. */
async function audited(snippets: readonly Snippet[]): Promise<readonly (readonly [number, string])[][]> {
  await using fixture = await createFixture()
  const script = readFileSync(join(import.meta.dirname, 'audit-snippets.py'), 'utf8')
  const stdin = JSON.stringify(snippets.map(({ source }) => source))
  const { stdout, stderr, exitCode } = await fixture.run(['python3', '-I', '-c', script], { stdin })
  const lines = stdout.split('\n').slice(0, -1)
  if (exitCode !== 0) throw new Error(`Python ended with ${exitCode} after ${lines.length} snippets: ${stderr}`)
  return lines.map((line) => JSON.parse(line))
}

const snippets = readCorpus(join(import.meta.dirname, 'corpus'), '.py').filter(({ runs }) => runs)

test.skipIf(!sandbox.isolates)(`Python does at each label what the label says${sandbox.note}`, async () => {
  const events = await audited(snippets)
  expect(events).toHaveLength(snippets.length)
  const faults = snippets.flatMap((snippet, index) => disagreements(snippet, events[index] ?? []))
  console.log(`${snippets.length} snippets were run, with ${snippets.flatMap(({ labels }) => labels).length} labels`)
  expect(faults).toEqual([])
})

function disagreements({ file, name, labels }: Snippet, events: readonly (readonly [number, string])[]): string[] {
  const seen = events.map(([line, capability]) => ({ line: String(line), capability }))
  const labelled = labels.map((label) => {
    const [line = '', capability = ''] = label.split(' ')
    return { line, capability }
  })
  const unconfirmed = labelled.filter(
    (label) =>
      !seen.some(
        ({ line, capability }) =>
          line === label.line && (capability === label.capability || related[capability]?.includes(label.capability)),
      ),
  )
  // An import statement is an event too: that it is of a computed name, the line alone does not show.
  const unlabelled = seen
    .filter(({ capability }) => capability !== 'IMPORT_DYNAMIC')
    .filter(
      (event) =>
        !labelled.some(
          ({ line, capability }) => line === event.line && related[event.capability]?.includes(capability),
        ),
    )
  return [
    ...unconfirmed.map(({ line, capability }) => `${file}: ${name}: Python did not do ${capability} on line ${line}`),
    ...unlabelled.map(({ line, capability }) => `${file}: ${name}: Python did ${capability} on line ${line}`),
  ]
}
