import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createFixture, type Fixture, processAppears } from '../sandbox-fixture.ts'
import type { Driver } from './driver.ts'

/** What a command can see and reach. */
export function isolationCases(driver: Driver, fixture: Fixture): void {
  const { run, python } = fixture

  it('shows no variable of the server, in its own process or any other', async () => {
    process.env.SANDBOX_TEST_SECRET = 'do-not-leak'
    try {
      const environment = { OWN: 'yes', HOME: '/elsewhere', PATH: '/elsewhere' }
      const own = await run(['sh', '-c', 'cat /proc/*/environ 2>/dev/null | tr "\\0" "\\n"'], { environment })
      expect(own.stdout).toContain('OWN=yes\n')
      expect(own.stdout).toContain('HOME=/tmp/home\n')
      expect(own.stdout).toContain('LANG=C.UTF-8\n')
      expect(own.stdout).not.toContain('elsewhere')
      expect(own.stdout).not.toContain('do-not-leak')
    } finally {
      delete process.env.SANDBOX_TEST_SECRET
    }
  })

  it('gives the command no descriptors but 0, 1 and 2, and no terminal', async () => {
    const listed = await python(`
import os
print(sorted(int(f) for f in os.listdir("/proc/self/fd")), [os.isatty(n) for n in range(3)])
try: os.open("/dev/tty", os.O_RDWR); print("terminal")
except OSError: print("none")`)
    // The fourth is the listing itself.
    expect(listed.stdout).toBe('[0, 1, 2, 3] [False, False, False]\nnone\n')
  })

  it('reaches neither a listener on the host’s loopback nor its sockets, and has a loopback of its own', async () => {
    const name = `countersign-${randomBytes(8).toString('hex')}`
    const path = join(fixture.privateDirectory, 'socket')
    const places = [{ port: 0, host: '127.0.0.1' }, { path: `\0${name}` }, { path }]
    const servers = places.map((place) => createServer().listen(place))
    await Promise.all(servers.map((server) => once(server, 'listening')))
    const address = servers[0]?.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const script = `
import socket
for family, address in ((socket.AF_INET, ("127.0.0.1", ${port})), (socket.AF_UNIX, b"\\0${name}"), (socket.AF_UNIX, "${path}")):
    try:
        socket.socket(family).connect(address)
        print("connected")
    except OSError as e:
        print(type(e).__name__)
own = socket.create_server(("127.0.0.1", 0))
socket.create_connection(own.getsockname())
print("own loopback")`
    let connections = 0
    for (const server of servers) server.on('connection', () => connections++)
    try {
      expect(await python(script)).toMatchObject({
        stdout: 'ConnectionRefusedError\nConnectionRefusedError\nFileNotFoundError\nown loopback\n',
        stderr: '',
      })
      expect(connections).toBe(0)
      await using open = await createFixture({ driver: 'none' })
      expect((await open.python(script)).stdout).toBe('connected\nconnected\nconnected\nown loopback\n')
    } finally {
      for (const server of servers) server.close()
    }
  })

  it('has no route to anywhere and no interface but its own loopback', async () => {
    const tried = await python(`
import socket
print([name for _, name in socket.if_nameindex()])
for address in ("192.0.2.1", "169.254.169.254", "10.0.0.1"):
    s = socket.socket(); s.settimeout(2)
    try: s.connect((address, 80)); print("connected")
    except OSError as e: print(e.strerror)
try: socket.getaddrinfo("example.com", 80); print("resolved")
except OSError: print("no names")`)
    expect(tried.stdout).toBe(`['lo']\n${'Network is unreachable\n'.repeat(3)}no names\n`)
  })

  it('cannot read what lies in a home directory, beside the workspace, or in the machine’s /etc', async () => {
    const canary = `canary-${randomBytes(8).toString('hex')}`
    const home = await mkdtemp(join(homedir(), '.countersign-canary-'))
    try {
      const paths = [join(home, 'key'), join(fixture.privateDirectory, 'key')]
      for (const path of paths) await writeFile(path, canary, { mode: 0o644 })
      const others = [
        '/etc/ssh',
        '/etc/ssl/private',
        '/run/dbus',
        '/var/run/docker.sock',
        '/sys/kernel',
        '/proc/1/root/',
      ]
      const look = await python(`
import os
for path in ${JSON.stringify([...paths, ...others])}: print(os.access(path, os.R_OK))
try: print(open("/etc/shadow").read())
except OSError: print("False")
print(os.popen("grep -rl ${canary} /home /tmp /etc /run /var /workspace 2>/dev/null; ls -A ${homedir()} 2>/dev/null | grep countersign").read())`)
      expect(look.stdout.trim()).toBe([...paths, ...others, '/etc/shadow'].map(() => 'False').join('\n'))
      const machine = existsSync('/etc/machine-id') ? readFileSync('/etc/machine-id', 'utf8').trim() : ''
      const names = await run(['sh', '-c', 'cat /etc/hostname /etc/machine-id /etc/resolv.conf; uname -n'])
      expect(machine !== '' && names.stdout.includes(machine)).toBe(false)
      expect(names.stdout.trim().split('\n').at(-1)).toBe('sandbox')
      expect(names.stdout).not.toContain('nameserver')
    } finally {
      await rm(home, { recursive: true })
    }
  })

  it('writes only below the workspace, /tmp and /dev/shm', async () => {
    const tried = await python(`
import os
for path in ("/x", "/usr/x", "/etc/x", "/etc/passwd", "/dev/x", "/run/x", "/var/x", "/root/x", "/home/x", "/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/sys/x", os.path.dirname(os.path.realpath("/proc/self/exe")) + "/x"):
    try: open(path, "w").write("x"); print("wrote", path)
    except OSError as e: pass
for path in ("/workspace/x", "/tmp/x", "/dev/shm/x", "/tmp/home/x"): open(path, "w").write("x")
print("done")`)
    expect(tried).toMatchObject({ stdout: 'done\n', stderr: '' })
    expect(existsSync('/tmp/home/x')).toBe(false)
  })

  it('has no privileges, no other user to become and no way to gain any', async () => {
    const seen = await python(`
import os, re
status = open("/proc/self/status").read()
print(set(re.findall(r"Cap\\w+:\\s*(\\w+)", status)), re.search(r"NoNewPrivs:\\s*(\\d)", status)[1], re.search(r"Seccomp:\\s*(\\d)", status)[1])
print(os.getuid() != 0, max(int(p) for p in os.listdir("/proc") if p.isdigit()) < 100)
for call in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.chroot("/workspace"), lambda: os.mknod("device", 0o60666, 1)):
    try: call(); print("allowed")
    except OSError: pass`)
    expect(seen).toMatchObject({ stdout: "{'0000000000000000'} 1 2\nTrue True\n", stderr: '' })
  })

  it('cannot touch the sandbox’s first process, on which all others hang', async () => {
    const tried = await python(`
import os, sys
for look in (lambda: open("/proc/1/mem", "rb"), lambda: open("/proc/1/mem", "r+b"), lambda: os.readlink("/proc/1/fd/2"), lambda: open("/proc/1/environ").read(1), lambda: os.readlink("/proc/1/root")):
    try: look(); print("open")
    except PermissionError: print("closed")
for signal in range(1, 65):
    try: os.kill(1, signal)
    except OSError: pass
sys.exit(5)`)
    expect(tried).toMatchObject({ exitCode: 5, stdout: 'closed\n'.repeat(5), stderr: '' })
  })

  it('is in other namespaces than the server', async () => {
    const kinds = driver.namespaces
    const links = await run(['sh', '-c', `cd /proc/self/ns && readlink ${kinds.join(' ')}`])
    const inside = links.stdout.trim().split('\n')
    const outside = kinds.map((kind) => readlinkSync(`/proc/self/ns/${kind}`))
    expect(inside).toHaveLength(kinds.length)
    expect(inside.filter((link) => outside.includes(link))).toEqual([])
  })

  it('shares nothing with a run beside it: no file, no process, no memory, no socket', async () => {
    const ready = `ready-${randomBytes(8).toString('hex')}`
    const leave = `
import os, socket, subprocess
for path in ("/tmp/mine", "/dev/shm/mine", "mine", "shared"): open(path, "w").write("x")
s = socket.socket(socket.AF_UNIX); s.bind(b"\\0mine"); s.listen()
t = socket.create_server(("127.0.0.1", 4567))
subprocess.run(["sh", "-c", "sleep 600; true", "${ready}"])`
    const look = `
import os, socket
print([path for path in ("/tmp/mine", "/dev/shm/mine", "mine") if os.path.exists(path)], len([p for p in os.listdir("/proc") if p.isdigit()]) < 8, open("shared").read())
for family, address in ((socket.AF_UNIX, b"\\0mine"), (socket.AF_INET, ("127.0.0.1", 4567))):
    try: socket.socket(family).connect(address); print("connected")
    except ConnectionRefusedError: print("refused")`
    const workspace = { base: await fixture.base({ shared: 'as it was' }), changes: [] }
    const end = new AbortController()
    const first = python(leave, { workspace, signal: end.signal })
    await processAppears(`\0${ready}`)
    expect((await python(look, { workspace })).stdout).toBe('[] True as it was\nrefused\nrefused\n')
    end.abort()
    expect(await first).toMatchObject({ canceled: true, stderr: '' })
    expect((await python(look, { workspace })).stdout).toBe('[] True as it was\nrefused\nrefused\n')
  })
}
