import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeSocketPlace, type SocketPlace } from '../../src/adapters/gateway/socket-place.ts'
import { defaultLimits } from '../../src/adapters/sandbox/default-limits.ts'
import { doorInNode, doorInPython } from '../../src/adapters/sandbox/door-programs.ts'
import { SandboxUnavailableError } from '../../src/domain/errors.ts'
import type { LoopbackDoor } from '../../src/domain/ports/model-gateway.ts'
import { createFixture, reasonToSkip } from '../sandbox/sandbox-fixture.ts'

let place: SocketPlace
let server: Server
/** What the other side of the socket does with a connection. */
let welcome: (socket: Socket) => void
const open = new Set<Socket>()
beforeAll(async () => {
  place = await makeSocketPlace()
  server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    welcome(socket)
  }).listen(place.socket)
  await once(server, 'listening')
  await chmod(place.socket, 0o666)
})
afterAll(async () => {
  for (const socket of open) socket.destroy()
  server.close()
  await place.remove()
})

const echo = (socket: Socket) => socket.pipe(socket)

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  return typeof address === 'object' && address ? address.port : 0
}

describe.each([
  ['Python', 'python3', ['-I', '-S', '-c', doorInPython]],
  ['Node', process.execPath, ['-e', doorInNode]],
])('the door in %s', (_, program, args) => {
  let port: number
  let door: ChildProcess
  beforeAll(async () => {
    port = await freePort()
    door = spawn(program, [...args, String(port), place.socket], { stdio: ['ignore', 'pipe', 'inherit'] })
    const said = await buffer(door.stdout as Readable)
    // Its output has ended: whoever started it waits for that.
    expect(said.toString()).toBe('ready\n')
  })
  afterAll(() => {
    door.kill('SIGKILL')
  })
  const enter = async () => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }

  it('passes on every byte both ways, also to who reads slowly', async () => {
    welcome = echo
    const sent = Buffer.alloc(3_000_000, 'abcdefg')
    const socket = await enter()
    socket.write(sent)
    const pieces: Buffer[] = []
    let size = 0
    for await (const piece of socket) {
      pieces.push(piece)
      size += piece.length
      if (size < 500_000) await new Promise((resolve) => setTimeout(resolve, 2))
      if (size === sent.length) break
    }
    expect(Buffer.concat(pieces).equals(sent)).toBe(true)
  })

  it('ends one side when the other one ends', async () => {
    const { promise: come, resolve } = Promise.withResolvers<Socket>()
    welcome = resolve
    const leaver = await enter()
    const outside = await come
    leaver.destroy()
    await once(outside.resume(), 'close')
    welcome = (socket) => socket.end('bye')
    expect((await buffer(await enter())).toString()).toBe('bye')
  })

  it('takes so many connections at a time and lets in others when they have gone', async () => {
    welcome = echo
    const crowd = await Promise.all(Array.from({ length: 32 }, enter))
    for (const socket of crowd) socket.write('x')
    await Promise.all(crowd.map((socket) => once(socket, 'data')))
    const inside = open.size
    for (const socket of crowd) socket.destroy()
    const after = await enter()
    after.write('y')
    expect(String((await once(after, 'data'))[0])).toBe('y')
    expect(inside).toBe(32)
    after.destroy()
  })
})

const asksThrough = (port: number) => `
import os, socket
one = socket.create_connection(("127.0.0.1", ${port}), timeout=10)
one.sendall(b"through the door")
print(one.recv(100).decode())
own = os.getpid()
for name in sorted(filter(str.isdigit, os.listdir("/proc")), key=int):
    if int(name) == own:
        continue
    for what in ("environ", "fd/0", "mem"):
        try:
            open(f"/proc/{name}/{what}", "rb").read(1)
            print("read", name, what)
        except OSError:
            pass
`

describe.each(['bubblewrap', 'docker'] as const)('%s', async (driver) => {
  const skipReason = await reasonToSkip(driver)
  const door = (): LoopbackDoor => ({ port: 8_430, socket: place.socket })

  describe.skipIf(skipReason !== null)(`with a door${skipReason ? ` (skipped: ${skipReason})` : ''}`, () => {
    it('leads from the loopback to the socket, through a process that the command cannot look into', async () => {
      welcome = echo
      await using fixture = await createFixture({ driver })
      const result = await fixture.python(asksThrough(8_430), { door: door() })
      expect(result).toMatchObject({ exitCode: 0, stdout: 'through the door\n', stderr: '' })
    })

    it('leaves nothing of it when the command has ended', async () => {
      welcome = () => {}
      await using fixture = await createFixture({ driver })
      const code = 'import socket; socket.create_connection(("127.0.0.1", 8430)); print("in")'
      expect(await fixture.python(code, { door: door() })).toMatchObject({ exitCode: 0, stdout: 'in\n' })
      while (open.size > 0) await once([...open][0] as Socket, 'close')
    })

    it('still holds the limit of processes and of time', async () => {
      await using fixture = await createFixture({ driver })
      const forks =
        'import os\ntry:\n  for n in range(100):\n    if os.fork() == 0:\n      import time; time.sleep(5)\nexcept OSError:\n  print("enough", flush=True)\n'
      const limits = { ...defaultLimits.standard, processes: 20, wallMs: 1_500, graceMs: 300 }
      const result = await fixture.python(`${forks}import time; time.sleep(30)`, { door: door(), limits })
      expect(result).toMatchObject({ timedOut: true, stdout: expect.stringContaining('enough') })
    })

    it('is said not to be there when the socket is not', async () => {
      await using fixture = await createFixture({ driver })
      const lost = { port: 8_430, socket: join(dirname(place.socket), 'nothing') }
      await expect(fixture.run(['true'], { door: lost })).rejects.toThrow(SandboxUnavailableError)
    })
  })
})
