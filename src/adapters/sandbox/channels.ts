import { execFile } from 'node:child_process'
import { closeSync, constants, openSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SYSTEM_PATH } from './find-program.ts'

const execute = promisify(execFile)

/** The descriptors that one command is started with, and the server's ends of its output. */
export interface Channels {
  /** Null when the command has no input. */
  readonly stdin: number | null
  readonly stdout: number
  readonly stderr: number
  /** One descriptor for each payload, at its start. */
  readonly payloads: readonly number[]
  readonly outputs: readonly [Socket, Socket]
  /** Closes the server's copies of what the command was given, so that the outputs end when the command's copies do. */
  release(): void
}

/**
 * Opens true pipes: those of child_process are sockets, which a program cannot open again through /dev/stderr.
 * Nothing is left on disk when this returns.
 */
export async function openChannels(
  stdin: string | Buffer | undefined,
  payloads: readonly (string | Buffer)[],
): Promise<Channels> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-channels-'))
  const opened: number[] = []
  const open = (path: string, flags: number) => {
    const descriptor = openSync(path, flags)
    opened.push(descriptor)
    return descriptor
  }
  const holding = (name: string, content: string | Buffer) => {
    const path = join(directory, name)
    writeFileSync(path, content, { mode: 0o644 })
    return open(path, constants.O_RDONLY)
  }
  try {
    const [out, error] = [join(directory, 'out'), join(directory, 'error')]
    // Writable for all, since the command may have another uid; the directory is the server's alone.
    await execute('mkfifo', ['-m', '0622', out, error], { env: { PATH: SYSTEM_PATH } })
    const readers = [out, error].map((path) => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)) as [
      number,
      number,
    ]
    const outputs = readers.map((fd) => new Socket({ fd, readable: true, writable: false })) as [Socket, Socket]
    return {
      stdout: open(out, constants.O_WRONLY),
      stderr: open(error, constants.O_WRONLY),
      stdin: stdin === undefined ? null : holding('in', stdin),
      payloads: payloads.map((content, index) => holding(`payload-${index}`, content)),
      outputs,
      release: () => {
        for (const descriptor of opened.splice(0)) closeSync(descriptor)
      },
    }
  } catch (error) {
    for (const descriptor of opened.splice(0)) closeSync(descriptor)
    throw error
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
