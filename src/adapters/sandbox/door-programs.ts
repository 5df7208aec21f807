/**
 * What listens on a sandbox's loopback and passes every connection on to one socket, in whichever of two languages is
 * there. It says `ready` when it listens, and takes a bounded number of connections at a time; the others wait.
 * Where either side of a connection ends, both do: that the command left is so seen outside at once.
 */
export const doorInPython = `
import os, selectors, socket, sys

MOST, PIECE = 32, 65536
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
watch = selectors.DefaultSelector()
door = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128)
door.setblocking(False)
ends = set()


class End:
    def __init__(self, own):
        self.own, self.held, self.mask, self.peer = own, b"", 0, None


def look(end):
    mask = (0 if end.held else READ) | (WRITE if end.peer.held else 0)
    if mask == end.mask:
        return
    if end.mask == 0:
        watch.register(end.own, mask, end)
    elif mask == 0:
        watch.unregister(end.own)
    else:
        watch.modify(end.own, mask, end)
    end.mask = mask


def close(end):
    for side in (end, end.peer):
        if side.mask:
            watch.unregister(side.own)
        side.own.close()
        ends.discard(side)
    open_door()


def open_door():
    is_open = door in watch.get_map()
    if len(ends) < 2 * MOST and not is_open:
        watch.register(door, READ)
    elif len(ends) >= 2 * MOST and is_open:
        watch.unregister(door)


def welcome():
    try:
        inside = door.accept()[0]
    except OSError:
        return
    outside = socket.socket(socket.AF_UNIX)
    try:
        outside.connect(sys.argv[2])
    except OSError:
        inside.close()
        outside.close()
        return
    one, other = End(inside), End(outside)
    one.peer, other.peer = other, one
    for end in (one, other):
        end.own.setblocking(False)
        ends.add(end)
    for end in (one, other):
        look(end)
    open_door()


def move(end, events):
    try:
        if events & WRITE and end.peer.held:
            end.peer.held = end.peer.held[end.own.send(end.peer.held):]
        if events & READ and not end.held:
            end.held = end.own.recv(PIECE)
            if not end.held:
                return close(end)
    except BlockingIOError:
        pass
    except OSError:
        return close(end)
    look(end)
    look(end.peer)


open_door()
os.write(1, b"ready\\n")
os.close(1)
while True:
    for key, events in watch.select():
        if key.data is None:
            welcome()
        elif key.data in ends:
            move(key.data, events)
`

export const doorInNode = `
const { closeSync, openSync, writeSync } = require('node:fs')
const { connect, createServer } = require('node:net')
const [port, target] = process.argv.slice(1)
const waiting = []
let free = 32
const enter = () => {
  if (free === 0 || waiting.length === 0) return
  free -= 1
  const inside = waiting.shift()
  const outside = connect(target)
  inside.pipe(outside)
  outside.pipe(inside)
  outside.on('error', () => inside.destroy())
  inside.on('close', () => outside.destroy())
  inside.on('end', () => outside.destroy())
  outside.on('close', () => {
    inside.end()
    free += 1
    enter()
  })
}
const door = createServer({ pauseOnConnect: true }, (inside) => {
  inside.on('error', () => inside.destroy())
  waiting.push(inside)
  enter()
})
door.listen({ port: Number(port), host: '127.0.0.1', backlog: 128 }, () => {
  writeSync(1, 'ready\\n')
  closeSync(1)
  // Takes the same number: Node looks at what it has there.
  openSync('/dev/null', 'w')
})
`
