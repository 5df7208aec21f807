import { closeSync, constants, openSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
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
  readonly outputs: readonly [Socket, Socket]
  /** Closes the server's copies of what the command was given, so that the outputs end when the command's copies do. */
  release(): void
}

/**
 * Opens true pipes: those of child_process are sockets, which a program cannot open again through /dev/stderr.
 * Nothing is left on disk when this returns.
 * @param places where the pipes come from; made for this once if absent
 */
export async function openChannels(stdin: string | Buffer | undefined, places?: FifoPlaces): Promise<Channels> {
  const opened: number[] = []
  const outputs: Socket[] = []
  const release = () => {
    for (const descriptor of opened.splice(0)) closeSync(descriptor)
  }
  const openPipe = async () => {
    const { input, output } = await (places === undefined ? openPassingPipe() : openKeptPipe(places))
    opened.push(input)
    outputs.push(output)
    return { input, output }
  }
  try {
    const [out, error] = [await openPipe(), await openPipe()]
    const given = stdin === undefined ? null : await openHolding(stdin)
    if (given !== null) opened.push(given)
    return { stdin: given, stdout: out.input, stderr: error.input, outputs: [out.output, error.output], release }
  } catch (error) {
    release()
    for (const output of outputs) output.destroy()
    throw error
  }
}

interface Pipe {
  readonly input: number
  readonly output: Socket
}

function openEnds(path: string): Pipe {
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const input = openSync(path, constants.O_WRONLY)
    return { input, output: new Socket({ fd: reading, readable: true, writable: false }) }
  } catch (error) {
    closeSync(reading)
    throw error
  }
}

async function openKeptPipe(places: FifoPlaces): Promise<Pipe> {
  const place = await places.take()
  let pipe: Pipe
  try {
    pipe = openEnds(fifoAt(place))
  } catch (error) {
    places.giveBack(place, false)
    throw error
  }
  // Only after its end was read nobody writes into it any more.
  let isAtEnd = false
  pipe.output.once('end', () => {
    isAtEnd = true
  })
  pipe.output.once('close', () => places.giveBack(place, isAtEnd))
  return pipe
}

function openPassingPipe(): Promise<Pipe> {
  return inPassing(async (path) => {
    await makeFifos([path])
    return openEnds(path)
  })
}

/** A file, since a program may open its input again, or look back in it. */
function openHolding(content: string | Buffer): Promise<number> {
  return inPassing(async (path) => {
    await writeFile(path, content, { mode: 0o644 })
    return openSync(path, constants.O_RDONLY)
  })
}

/** A path that is the server's alone, and gone after its use. */
async function inPassing<T>(use: (path: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-channels-'))
  try {
    return await use(join(directory, 'passing'))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
