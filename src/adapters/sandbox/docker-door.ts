import { once } from 'node:events'
import { SandboxUnavailableError } from '../../domain/errors.ts'
import type { LoopbackDoor } from '../../domain/ports/model-gateway.ts'
import type { DockerEngine } from './docker-engine.ts'
import { createFrameReader } from './docker-stream.ts'
import { doorScript, INSIDE_SOCKET, NO_DOOR } from './door.ts'

/** How long a program may take to listen, in milliseconds. */
const OPENING_MS = 10_000

/** What a container is shown for its door. */
export const doorBindings = (door: LoopbackDoor | undefined): readonly (readonly [source: string, target: string])[] =>
  door === undefined ? [] : [[door.socket, INSIDE_SOCKET]]

/**
 * Opens a container's door, as root of the container without any capability, so that the command can neither end it nor
 * look into it. It lasts as long as the container.
 * @throws SandboxUnavailableError when nothing in the image can be the door
 */
export async function openDockerDoor(engine: DockerEngine, name: string, door: LoopbackDoor): Promise<void> {
  const body = {
    User: '0:0',
    WorkingDir: '/',
    Cmd: ['/bin/sh', '-c', doorScript(door)],
    AttachStdin: false,
    AttachStdout: true,
    AttachStderr: false,
    Tty: false,
    Privileged: false,
  }
  const { Id: id } = (await engine.must('POST', `/containers/${name}/exec`, { body })) as { readonly Id: string }
  const { stream, first } = await engine.attach(`/exec/${id}/start`, { Detach: false, Tty: false })
  let said = ''
  const reader = createFrameReader({
    stdout: (chunk) => {
      said += chunk.toString('latin1')
    },
    stderr: () => {},
  })
  reader.add(first)
  const late = setTimeout(() => stream.destroy(), OPENING_MS)
  stream.on('error', () => stream.destroy())
  stream.on('data', (chunk: Buffer) => reader.add(chunk))
  try {
    while (!said.includes('ready') && !stream.destroyed && !stream.readableEnded) {
      await Promise.race([once(stream, 'data'), once(stream, 'end'), once(stream, 'close')])
    }
  } catch {
    // A connection that breaks says no more than one that ends.
  } finally {
    clearTimeout(late)
    stream.destroy()
  }
  if (!said.includes('ready')) throw new SandboxUnavailableError(`${NO_DOOR} It is not in the image.`)
}
