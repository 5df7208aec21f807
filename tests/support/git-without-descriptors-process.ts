import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readdirSync } from 'node:fs'
import { Readable } from 'node:stream'
import { localPython } from '../../src/adapters/analyzer/python-syntax.ts'
import { startCatFile } from '../../src/adapters/git/cat-file.ts'
import { createRefWriters } from '../../src/adapters/git/ref-writers.ts'
import { createGitRunner } from '../../src/adapters/git/run-git.ts'
import { streamBlobs } from '../../src/adapters/git/stream-blobs.ts'

/** Started with a low limit of open files and an empty directory: starts each kind of program with no descriptor left. */
const directory = process.argv[2] ?? ''
const repository = `${directory}/a.git`
execFileSync('git', ['init', '--quiet', '--bare', repository])
const options = { home: directory, searchPath: process.env.PATH ?? '', timeoutMs: 10_000 }
const git = createGitRunner(options)
const writers = createRefWriters(options, { idleMs: 10, open: 1 })
const id = '1'.repeat(40)
const stdin = Readable.from(['never read'])

const open = () => readdirSync('/proc/self/fd').length
const before = open()
const held: number[] = []
try {
  for (;;) held.push(openSync('/dev/null', 'r'))
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error
}
const starts: Readonly<Record<string, () => unknown>> = {
  git: () => git({ args: ['version'], stdin }),
  refs: () => writers.move(repository, 'refs/heads/main', id, null),
  objects: () => startCatFile(options, repository),
  blobs: () => streamBlobs(options, repository, [id]).next(),
  python: () => localPython({ python: 'python3', timeoutMs: 10_000 })('', ''),
}
const faults: Record<string, string> = {}
for (const [name, start] of Object.entries(starts)) {
  try {
    await start()
  } catch (error) {
    faults[name] = String(error)
  }
}
for (const descriptor of held) closeSync(descriptor)
// An error that nobody hears would have come before this, and ended the process.
const { stdout } = await git({ args: ['version'] })
console.log(JSON.stringify({ faults, left: open() - before, closed: stdin.destroyed, afterwards: stdout.toString() }))
