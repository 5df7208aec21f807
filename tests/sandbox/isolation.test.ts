import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createFixture, reasonToSkip } from './sandbox-fixture.ts'

const skipReason = await reasonToSkip()

describe.skipIf(skipReason !== null)(
  `isolation by bubblewrap${skipReason ? ` (skipped: ${skipReason})` : ''}`,
  async () => {
    await using stack = new AsyncDisposableStack()
    const fixture = stack.use(await createFixture())
    const { run, python } = fixture
    const keep = stack.move()
    afterAll(() => keep.disposeAsync())

    it('runs the machine’s python3 and node in the workspace', async () => {
      await writeFile(join(fixture.workspace, 'input.txt'), 'from the host')
      const answer = await python('print(open("input.txt").read()); open("made.txt", "w").write("by python")')
      expect(answer).toMatchObject({
        exitCode: 0,
        signal: null,
        stdout: 'from the host\n',
        stderr: '',
        driver: 'bubblewrap',
      })
      expect(await readFile(join(fixture.workspace, 'made.txt'), 'utf8')).toBe('by python')
      const node = await run(['node', '-p', 'process.version + " " + process.cwd()'])
      expect(node.stdout).toBe(`${process.version} /workspace\n`)
    })

    it('gives exit codes, signals, both streams and the input as they are', async () => {
      const script = 'import sys; sys.stderr.write("e"); sys.stdout.write(sys.stdin.read().upper()); sys.exit(7)'
      expect(await python(script, { stdin: 'input é' })).toMatchObject({ exitCode: 7, stdout: 'INPUT É', stderr: 'e' })
      expect(await run(['sh', '-c', 'kill -SEGV $$'])).toMatchObject({ exitCode: null, signal: 'SIGSEGV', stderr: '' })
      expect((await run(['no-such-program'])).exitCode).toBe(127)
      expect((await run(['sh', '-c', 'echo through the name > /dev/stderr'])).stderr).toBe('through the name\n')
    })

    it('shows no variable of the server, in its own process or the sandbox’s first', async () => {
      process.env.SANDBOX_TEST_SECRET = 'do-not-leak'
      try {
        const environment = await run(['cat', '/proc/self/environ'], {
          environment: { OWN: 'yes', HOME: '/elsewhere' },
        })
        const names = environment.stdout
          .split('\uFFFD')
          .filter(Boolean)
          .map((line) => line.split('=')[0])
        expect(names.toSorted()).toEqual(['HOME', 'LANG', 'OWN', 'PATH', 'PWD'])
        expect(environment.stdout).toContain('HOME=/tmp/home')
        const first = await run(['sh', '-c', 'cat /proc/1/environ; tr "\\0" " " < /proc/1/cmdline'])
        expect(first.stdout).toMatch(/^\/bin\/sh -c /)
        expect(first.stdout).not.toContain(fixture.privateDirectory)
      } finally {
        delete process.env.SANDBOX_TEST_SECRET
      }
    })

    it('gives the command no descriptors but 0, 1 and 2', async () => {
      const listed = await python('import os; print(sorted(int(f) for f in os.listdir("/proc/self/fd")))')
      // The fourth is the listing itself.
      expect(listed.stdout).toBe('[0, 1, 2, 3]\n')
    })

    it('reaches neither a listener on the host’s loopback nor an abstract socket, and has a loopback of its own', async () => {
      const name = `countersign-${randomBytes(8).toString('hex')}`
      const servers = [createServer().listen(0, '127.0.0.1'), createServer().listen(`\0${name}`)]
      await Promise.all(servers.map((server) => once(server, 'listening')))
      const address = servers[0]?.address()
      const port = typeof address === 'object' ? address?.port : undefined
      const script = `
import socket
for family, address in ((socket.AF_INET, ("127.0.0.1", ${port})), (socket.AF_UNIX, b"\\0${name}")):
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
        const inside = await python(script)
        expect(inside).toMatchObject({
          stdout: 'ConnectionRefusedError\nConnectionRefusedError\nown loopback\n',
          stderr: '',
        })
        expect(connections).toBe(0)
        await using open = await createFixture({ driver: 'none' })
        expect((await open.python(script)).stdout).toBe('connected\nconnected\nown loopback\n')
      } finally {
        for (const server of servers) server.close()
      }
    })

    it('has no route to anywhere and no interface but its own loopback', async () => {
      const tried = await python(`
import socket
print([name for _, name in socket.if_nameindex()])
s = socket.socket(); s.settimeout(2)
try: s.connect(("192.0.2.1", 80)); print("connected")
except OSError as e: print(e.strerror)`)
      expect(tried.stdout).toBe("['lo']\nNetwork is unreachable\n")
    })

    it('cannot read what lies in a home directory, beside the workspace, or in /etc', async () => {
      const canary = `canary-${randomBytes(8).toString('hex')}`
      const home = await mkdtemp(join(homedir(), '.countersign-canary-'))
      try {
        const paths = [join(home, 'key'), join(fixture.privateDirectory, 'key')]
        for (const path of paths) await writeFile(path, canary, { mode: 0o644 })
        const others = [
          '/etc/shadow',
          '/etc/hostname',
          '/etc/ssh',
          '/etc/ssl/private',
          '/run/dbus',
          '/var/lib',
          '/sys/kernel',
        ]
        const look = await python(`
import os
for path in ${JSON.stringify([...paths, ...others])}: print(os.path.exists(path))
print(os.popen("grep -rl ${canary} /home /tmp /etc /run /var /workspace 2>/dev/null; ls -A ${homedir()} | grep countersign").read())`)
        expect(look.stdout.trim()).toBe([...paths, ...others].map(() => 'False').join('\n'))
      } finally {
        await rm(home, { recursive: true })
      }
    })

    it('writes only below the workspace, /tmp and /dev/shm', async () => {
      const tried = await python(`
import os
for path in ("/x", "/usr/x", "/etc/x", "/dev/x", "/run/x", "/var/x", "/root/x", "/proc/sys/kernel/hostname", os.path.dirname(os.path.realpath("/proc/self/exe")) + "/x"):
    try: open(path, "w").write("x"); print("wrote", path)
    except OSError as e: pass
for path in ("/workspace/x", "/tmp/x", "/dev/shm/x", "/tmp/home/x", "/var/tmp/y"): open(path, "w").write("x")
print("done")`)
      expect(tried).toMatchObject({ stdout: 'done\n', stderr: '' })
      expect(existsSync('/tmp/home/x')).toBe(false)
    })

    it('has no privileges, no other user to become and no way back to the host’s processes', async () => {
      const seen = await python(`
import os, re
status = open("/proc/self/status").read()
print(set(re.findall(r"Cap\\w+:\\s*(\\w+)", status)), re.search(r"NoNewPrivs:\\s*(\\d)", status)[1], re.search(r"Seccomp:\\s*(\\d)", status)[1])
print(os.getuid(), os.uname().nodename, max(int(p) for p in os.listdir("/proc") if p.isdigit()) < 50)
for call in (lambda: os.setuid(0), lambda: os.chroot("/workspace"), lambda: os.unshare(os.CLONE_NEWUSER) if hasattr(os, "unshare") else (_ for _ in ()).throw(PermissionError())):
    try: call(); print("allowed")
    except PermissionError: pass
    except OSError as e: print(e)`)
      expect(seen.stderr).toBe('')
      expect(seen.stdout.split('\n')[0]).toBe("{'0000000000000000'} 1 2")
      expect(seen.stdout.split('\n')[1]).toBe('1000 sandbox True')
      expect(seen.stdout).not.toContain('allowed')
    })

    it('cannot touch the sandbox’s first process, which reports its exit status', async () => {
      const tried = await python(`
import os, sys
for look in (lambda: open("/proc/1/mem", "rb"), lambda: open("/proc/1/mem", "r+b"), lambda: os.readlink("/proc/1/fd/9"), lambda: open("/proc/1/environ").read(1), lambda: os.readlink("/proc/1/root")):
    try: look(); print("open")
    except PermissionError: print("closed")
for signal in range(1, 65):
    try: os.kill(1, signal)
    except OSError: pass
sys.exit(5)`)
      expect(tried).toMatchObject({ exitCode: 5, stdout: 'closed\n'.repeat(5), stderr: '' })
    })

    it('is in other namespaces than the server, all seven of them', async () => {
      const kinds = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts']
      const links = await run(['sh', '-c', `cd /proc/self/ns && readlink ${kinds.join(' ')}`])
      const inside = links.stdout.trim().split('\n')
      const outside = kinds.map((kind) => readlinkSync(`/proc/self/ns/${kind}`))
      expect(inside).toHaveLength(kinds.length)
      expect(inside.filter((link) => outside.includes(link))).toEqual([])
    })

    it('leaves no file of its own on the host', async () => {
      const before = readdirSync('/tmp').filter((name) => name.startsWith('countersign-channels-'))
      await run(['true'], { stdin: 'x' })
      const after = readdirSync('/tmp').filter((name) => name.startsWith('countersign-channels-'))
      expect(after.filter((name) => !before.includes(name))).toEqual([])
    })
  },
)
