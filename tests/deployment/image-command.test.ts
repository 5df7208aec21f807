import { execFile } from 'node:child_process'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { read, root } from '../docs/pages.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { variables } from './written.ts'

const execute = promisify(execFile)

// What the command of the image calls, in the place of what would change this machine; each says how it was called.
const programs: Readonly<Record<string, string>> = {
  id: 'echo "$WHO"',
  stat: 'echo "$OWNER"',
  chown: 'echo "chown $*" >&2; exit "$CHOWN_ENDS"',
  mountpoint: 'exit 0',
  setpriv: 'echo "setpriv $*" >&2; while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
  node: 'echo "node $*"; env',
}

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
const place = (name: string) => join(directory.path, name)

beforeAll(async () => {
  directory = await temporaryDirectory()
  await mkdir(place('data'))
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(place(name), `#!/bin/sh\n${script}\n`)
    await chmod(place(name), 0o755)
  }
  await writeFile(place('database-url'), 'postgres://somebody:secret@host/db\n')
})
afterAll(() => directory[Symbol.asyncDispose]())

/** The image's command, as the image has it, with these programs. */
const command = async (env: NodeJS.ProcessEnv) => {
  const settings = {
    PATH: `${directory.path}:${process.env.PATH}`,
    DATA_DIR: place('data'),
    ...{ WHO: '0', OWNER: '10001', CHOWN_ENDS: '0' },
  }
  try {
    return { code: 0, ...(await execute(join(root, 'ops/countersign'), ['api'], { env: { ...settings, ...env } })) }
  } catch (error) {
    return error as { readonly code: number; readonly stdout: string; readonly stderr: string }
  }
}

it('a secret is read from the file that NAME_FILE names, before root ends', async () => {
  const { stdout, stderr } = await command({ DATABASE_URL_FILE: place('database-url') })
  expect(stdout).toContain('node /app/dist/src/main.js api\n')
  expect(stdout).toContain('\nDATABASE_URL=postgres://somebody:secret@host/db\n')
  expect(stderr).toMatch(/^setpriv --reuid=10001 --regid=10001 .*--bounding-set=-all --no-new-privs -- node/m)
  // On no command line: those are seen by others.
  expect(stderr).not.toContain('secret@')
})

it('a file that is not there, and a secret that is set twice, end it with what to do', async () => {
  expect(await command({ DATABASE_URL_FILE: place('none') })).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining(`DATABASE_URL_FILE names ${place('none')}, which the user 0 cannot read.`),
  })
  expect(await command({ DATABASE_URL: 'postgres://a', DATABASE_URL_FILE: place('database-url') })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('both DATABASE_URL and DATABASE_URL_FILE are set'),
  })
})

it('a directory of root is given to the user, and not what a link leads to', async () => {
  expect((await command({ OWNER: '0' })).stderr).toContain(`chown -h 10001:10001 ${place('data')}\n`)
  expect((await command({ OWNER: '10001' })).stderr).not.toContain('chown')
})

it('where root may not give it away, as behind root_squash, it says so and leaves the rest to the server', async () => {
  const { code, stdout, stderr } = await command({ OWNER: '0', CHOWN_ENDS: '1' })
  expect(code).toBe(0)
  expect(stderr).toContain(`${place('data')} is root's.`)
  expect(stdout).toContain('node /app/dist/src/main.js api\n')
})

it('as another user it just runs', async () => {
  const { stdout, stderr } = await command({ WHO: '10001', OWNER: '0' })
  expect(stdout).toContain('node /app/dist/src/main.js api\n')
  expect(stderr).toBe('')
})

it('the secrets that may be in files are variables that there are', () => {
  const [, list = ''] = /^for name in ([\s\S]+?); do$/m.exec(read('ops/countersign')) ?? []
  const names = list.replaceAll('\\', ' ').split(/\s+/)
  expect(names.length).toBeGreaterThan(5)
  expect(names.filter((name) => !variables.includes(name))).toEqual([])
})
