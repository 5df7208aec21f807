import { spawn } from 'node:child_process'

/** Runs a Python script that reads its input from stdin. It may run it in a sandbox. */
export type RunPython = (
  script: string,
  stdin: string,
) => Promise<{ readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }>

/** What Python's own parser says: null when the source compiles. */
export type SyntaxVerdict =
  | { readonly kind: 'valid' }
  | { readonly kind: 'fault'; readonly line: number | null; readonly message: string }
  | { readonly kind: 'unchecked'; readonly reason: string }

export interface PythonSyntaxCheck {
  /** For example `CPython 3.11.2`. */
  readonly identity: string
  /** Compiles each source, and executes none; the answers are in the order of the sources. */
  check(sources: readonly Buffer[]): Promise<readonly SyntaxVerdict[]>
}

const identityScript = 'import sys; print(sys.implementation.name, "%d.%d.%d" % sys.version_info[:3])'

const compileScript = `
import base64, json, sys
def verdict(source):
    try:
        compile(base64.b64decode(source), '<change>', 'exec', 0, True)
    except SyntaxError as fault:
        return [fault.lineno, fault.msg]
    except (ValueError, OverflowError, MemoryError, RecursionError) as fault:
        return [None, str(fault) or type(fault).__name__]
for source in json.load(sys.stdin):
    print(json.dumps(verdict(source)), flush=True)
`

/** Finds out which Python there is; null when it does not answer, and another parser has to do. */
export async function createPythonSyntaxCheck(run: RunPython): Promise<PythonSyntaxCheck | null> {
  const probe = await attempt(run, identityScript, '')
  if (probe === null || probe.exitCode !== 0) return null
  const [name = '', version = ''] = probe.stdout.trim().split(' ')
  const identity = `${name === 'cpython' ? 'CPython' : name} ${version}`

  const checkTogether = async (sources: readonly Buffer[]): Promise<readonly SyntaxVerdict[] | null> => {
    const input = JSON.stringify(sources.map((source) => source.toString('base64')))
    const result = await attempt(run, compileScript, input)
    if (result?.exitCode !== 0) return null
    const verdicts = result.stdout.trim().split('\n').map(readVerdict)
    return verdicts.length === sources.length ? verdicts : null
  }
  return {
    identity,
    async check(sources) {
      if (sources.length === 0) return []
      const together = await checkTogether(sources)
      if (together !== null) return together
      // One of them brought the interpreter down: each by itself shows which.
      const verdicts: SyntaxVerdict[] = []
      for (const source of sources) {
        const alone = await checkTogether([source])
        verdicts.push(alone?.[0] ?? { kind: 'unchecked', reason: `${identity} could not compile it and said nothing` })
      }
      return verdicts
    },
  }
}

async function attempt(run: RunPython, script: string, stdin: string) {
  try {
    return await run(script, stdin)
  } catch {
    // No interpreter, no sandbox or no answer is one and the same here: this parser has no say.
    return null
  }
}

function readVerdict(line: string): SyntaxVerdict {
  const parsed = readJson(line)
  if (parsed === null) return { kind: 'valid' }
  if (!Array.isArray(parsed)) return { kind: 'unchecked', reason: 'the answer could not be read' }
  const [at, message]: unknown[] = parsed
  return { kind: 'fault', line: typeof at === 'number' ? at : null, message: String(message) }
}

/** Undefined for what is no JSON: a sandbox may have cut the output. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export interface LocalPythonOptions {
  /** Path or name of the interpreter. */
  readonly python: string
  readonly timeoutMs: number
}

const outputLimit = 16 * 1024 * 1024

/**
 * Runs an interpreter of this machine: isolated, without site packages, with nothing of our environment but PATH.
 * It rejects when the interpreter cannot be started; one that is over its time is killed.
 */
export function localPython({ python, timeoutMs }: LocalPythonOptions): RunPython {
  return (script, stdin) =>
    new Promise((resolve, reject) => {
      const child = spawn(python, ['-I', '-S', '-W', 'ignore', '-c', script], {
        env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LANG: 'C.UTF-8' },
        stdio: 'pipe',
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
      })
      const output: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' }
      for (const stream of ['stdout', 'stderr'] as const) {
        child[stream].setEncoding('utf8').on('data', (text: string) => {
          if (output[stream].length < outputLimit) output[stream] += text
        })
      }
      child.on('error', reject)
      child.on('close', (exitCode) => resolve({ exitCode, ...output }))
      // A child that ends early closes the pipe; its exit code tells, not the failed write.
      child.stdin.on('error', () => undefined)
      child.stdin.end(stdin)
    })
}
