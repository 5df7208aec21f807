/** A real sshd on loopback, as the user who runs the tests, that knows one key. */

import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const program = '/usr/sbin/sshd'

export const hasSshd = existsSync(program)

export interface SshServer extends AsyncDisposable {
  readonly port: number
  readonly user: string
  /** The private key that it lets in. */
  readonly key: string
  /** Another one. */
  readonly otherKey: string
  /** The same port from now on, with another host key. */
  changeHostKey(): Promise<void>
}

/** @returns the private key; the public one is in a file beside it */
export async function makeKey(file: string, type = 'ed25519', passphrase = '', format: string[] = []): Promise<string> {
  await run('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-C', 'test', '-f', file, ...format])
  return await readFile(file, 'utf8')
}

export async function serveSsh(): Promise<SshServer> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-sshd-'))
  const { username: user, uid } = userInfo()
  // Where a sshd that root starts puts its unprivileged part.
  if (uid === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 })
  const key = await makeKey(join(directory, 'user'))
  const otherKey = await makeKey(join(directory, 'other'))
  await makeKey(join(directory, 'host1'))
  await makeKey(join(directory, 'host2'))
  const port = await freePort()
  const start = async (hostKey: string) => {
    const settings = [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${join(directory, hostKey)}`,
      `AuthorizedKeysFile ${join(directory, 'user.pub')}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PermitRootLogin prohibit-password',
      'PidFile none',
    ]
    const file = join(directory, 'sshd_config')
    await writeFile(file, `${settings.join('\n')}\n`)
    const child = spawn(program, ['-D', '-e', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] })
    let words = ''
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (chunk: Buffer) => {
        words += chunk.toString()
        if (words.includes('Server listening')) resolve()
      })
      child.on('error', reject)
      child.on('close', () => reject(new Error(`sshd ended: ${words}`)))
    })
    return async () => {
      const closed = new Promise((resolve) => child.on('close', resolve))
      child.kill()
      await closed
    }
  }
  let stop = await start('host1')
  return {
    port,
    user,
    key,
    otherKey,
    async changeHostKey() {
      await stop()
      stop = await start('host2')
    },
    async [Symbol.asyncDispose]() {
      await stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
