import { closeSync, constants, openSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FifoPlaces, fifoAt, makeFifos } from './fifo-places.ts'

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
 * @param places where the pipes come from; made for this once if absent
 */
export async function openChannels(
  stdin: string | Buffer | undefined,
  payloads: readonly (string | Buffer)[],
  places?: FifoPlaces,
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
    const [out, error] = [
      await openPipe(join(directory, 'out'), places),
      await openPipe(join(directory, 'error'), places),
    ]
    const outputs = [out.output, error.output] as const
    return {
      stdout: open(out.path, constants.O_WRONLY),
      stderr: open(error.path, constants.O_WRONLY),
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

/** A pipe's reading end, and the path by which its writing end is opened. */
async function openPipe(
  ownPath: string,
  places: FifoPlaces | undefined,
): Promise<{ readonly path: string; readonly output: Socket }> {
  const place = await places?.take()
  if (place === undefined) await makeFifos([ownPath])
  const path = place === undefined ? ownPath : fifoAt(place)
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const output = new Socket({ fd, readable: true, writable: false })
  if (place !== undefined) {
    // Only after its end was read nobody writes into it any more.
    let isAtEnd = false
    output.once('end', () => {
      isAtEnd = true
    })
    output.once('close', () => places?.giveBack(place, isAtEnd))
  }
  return { path, output }
}
