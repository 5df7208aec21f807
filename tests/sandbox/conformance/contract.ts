import { expect, it } from 'vitest'
import { defaultLimits } from '../../../src/adapters/sandbox/default-limits.ts'
import type { Fixture } from '../sandbox-fixture.ts'
import type { Driver } from './driver.ts'

/** What the port says of arguments and results. */
export function contractCases({ name }: Driver, fixture: Fixture): void {
  const { run, python } = fixture

  it('runs python3 and node in the workspace, which it reads and writes', async () => {
    const workspace = { base: null, changes: [{ path: 'input.txt', content: 'from the host' }] }
    const code = 'print(open("input.txt").read()); open("made.txt", "w").write("by python"); open("made.txt").read()'
    const answer = await python(code, { workspace })
    expect(answer).toMatchObject({ exitCode: 0, signal: null, stdout: 'from the host\n', stderr: '', driver: name })
    expect(answer).toMatchObject({ truncated: false, timedOut: false, canceled: false })
    expect((await run(['node', '-p', 'process.cwd()'])).stdout).toBe('/workspace\n')
  })

  it('gives exit codes, signals, both streams and the input as they are', async () => {
    const script = 'import sys; sys.stderr.write("e"); sys.stdout.write(sys.stdin.read().upper()); sys.exit(7)'
    expect(await python(script, { stdin: 'input é' })).toMatchObject({ exitCode: 7, stdout: 'INPUT É', stderr: 'e' })
    expect(await run(['sh', '-c', 'kill -SEGV $$'])).toMatchObject({ exitCode: null, signal: 'SIGSEGV', stderr: '' })
    expect(await run(['sh', '-c', 'kill -9 $$'])).toMatchObject({ exitCode: null, signal: 'SIGKILL', timedOut: false })
    expect((await run(['sh', '-c', 'echo through the name > /dev/stderr'])).stderr).toBe('through the name\n')
  })

  it('takes an input of megabytes, and a command that reads none of it', async () => {
    const stdin = Buffer.alloc(3 * 1024 * 1024, 'x')
    expect((await python('import sys; print(len(sys.stdin.read()))', { stdin })).stdout).toBe(`${stdin.length}\n`)
    expect(await run(['true'], { stdin })).toMatchObject({ exitCode: 0 })
    expect((await run(['cat'])).stdout).toBe('')
  })

  it('says 127 of a program that is not there and 126 of one that cannot be run', async () => {
    expect(await run(['no-such-program'])).toMatchObject({ exitCode: 127, signal: null })
    const workspace = { base: null, changes: [{ path: 'not-executable', content: 'x' }] }
    expect(await run(['./not-executable'], { workspace })).toMatchObject({ exitCode: 126, signal: null })
  })

  it('hands arguments on to the letter, and no shell sees them', async () => {
    const argv = ['$(id)', '`id`', '; true', '*', '', '--', '-n', 'é\n"\'']
    const seen = await python('import sys, json; print(json.dumps(sys.argv[1:]))')
    expect(seen.stdout).toBe('[]\n')
    const given = await run(['python3', '-c', 'import sys, json; print(json.dumps(sys.argv[1:]))', ...argv])
    expect(JSON.parse(given.stdout)).toEqual(argv)
  })

  it('ends with the command’s own end, though it closed its output long before', async () => {
    const result = await run(['sh', '-c', 'exec >&- 2>&-; sleep 0.7; exit 3'])
    expect(result).toMatchObject({ exitCode: 3, stdout: '', stderr: '' })
    expect(result.durationMs).toBeGreaterThan(700)
  })

  it('is not started when it was aborted before', async () => {
    const result = await run(['echo', 'never'], { signal: AbortSignal.abort() })
    expect(result).toMatchObject({ canceled: true, exitCode: null, stdout: '', driver: name })
  })

  it('refuses what cannot be run as asked', async () => {
    await expect(run([])).rejects.toThrow(TypeError)
    await expect(run(['echo', 'a\0b'])).rejects.toThrow(/NUL/)
    await expect(run(['true'], { environment: { 'A=B': 'x' } })).rejects.toThrow(/no name/)
    await expect(run(['true'], { workspace: { base: 'relative', changes: [] } })).rejects.toThrow(/absolute/)
    await expect(run(['true'], { layer: '/nowhere' })).rejects.toThrow(/layer/)
    for (const path of ['../x', '/x', 'a//b', '', '.', 'a/../b', 'a\0b', 'a/']) {
      const workspace = { base: null, changes: [{ path, content: '' }] }
      await expect(run(['true'], { workspace })).rejects.toThrow(/no path below/)
    }
    await expect(run(['true'], { limits: { ...defaultLimits.standard, wallMs: 0 } })).rejects.toThrow(/wallMs/)
  })
}
