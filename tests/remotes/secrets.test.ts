import { randomBytes } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { keptSecretKey } from '../../src/adapters/secrets/kept-secret.ts'
import { createSecrets } from '../../src/adapters/secrets/secrets.ts'
import { UnreadableSecretError } from '../../src/domain/ports/secrets.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const key = 'a1'.repeat(32)
const secrets = createSecrets(key)
const secret = 'tok-äöü-\u{1f511}'

describe('a sealed secret', () => {
  it('opens to what it was, in every process with the same key', () => {
    for (const text of [secret, '', 'x'.repeat(20_000)]) {
      const sealed = secrets.seal(text, 'project 1')
      expect(sealed).toMatch(/^v1:[\w-]+$/)
      expect(createSecrets(key.toUpperCase()).open(sealed, 'project 1')).toBe(text)
    }
  })

  it('is another text each time, and says nothing of what it holds', () => {
    const sealed = Array.from({ length: 20 }, () => secrets.seal(secret, 'p'))
    expect(new Set(sealed).size).toBe(20)
    for (const each of sealed) {
      expect(Buffer.from(each.slice(3), 'base64url').includes(Buffer.from(secret))).toBe(false)
    }
  })

  it('does not open for another project, nor with another key, and the error names SECRET_KEY', () => {
    const sealed = secrets.seal(secret, 'project 1')
    const others = [
      () => secrets.open(sealed, 'project 2'),
      () => createSecrets('b2'.repeat(32)).open(sealed, 'project 1'),
    ]
    for (const open of others) {
      expect(open).toThrow(UnreadableSecretError)
      expect(open).toThrow(/SECRET_KEY/)
      expect(open).not.toThrow(secret)
    }
  })

  it('does not open when any byte of it was changed', () => {
    const bytes = Buffer.from(secrets.seal('abc', 'p').slice(3), 'base64url')
    for (const at of bytes.keys()) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(() => secrets.open(`v1:${changed.toString('base64url')}`, 'p')).toThrow(UnreadableSecretError)
    }
  })

  it.each(['', 'v1:', 'v2:abc', 'v1:abc', 'plain text', 'V1:'.padEnd(80, 'A')])('%j is none', (text) => {
    expect(() => secrets.open(text, 'p')).toThrow(UnreadableSecretError)
  })
})

describe('the key', () => {
  it('that none was given for is made once, for its owner alone, and kept', async () => {
    await using directory = await temporaryDirectory()
    const file = join(directory.path, 'secret-key')
    const keys = await Promise.all(Array.from({ length: 10 }, () => keptSecretKey(file)))
    expect(new Set(keys).size).toBe(1)
    expect(keys[0]).toMatch(/^[0-9a-f]{64}$/)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await readFile(file, 'utf8')).trim()).toBe(keys[0])
  })

  it('whose file holds something else is an error that says what to do', async () => {
    await using directory = await temporaryDirectory()
    const file = join(directory.path, 'secret-key')
    await writeFile(file, randomBytes(16).toString('hex'))
    await expect(keptSecretKey(file)).rejects.toThrow(/secret-key.*SECRET_KEY/)
  })

  it.each(['', 'abc', 'g'.repeat(64), `${key}00`])('%j is refused', (bad) => {
    expect(() => createSecrets(bad)).toThrow(TypeError)
  })
})
