import { spawnPiped } from '../processes/spawn-piped.ts'

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

/** A source may hold the compiler for minutes: a watchdog that needs no lock ends the interpreter. */
const compileScript = `
import base64, faulthandler, json, sys
def verdict(source):
    try:
        compile(base64.b64decode(source), '<change>', 'exec', 0, True)
        return []
    except SyntaxError as fault:
        return [fault.lineno, fault.msg[:500]]
    except (ValueError, OverflowError, MemoryError, RecursionError) as fault:
        return [None, str(fault)[:500] or type(fault).__name__]
for place, source in enumerate(json.load(sys.stdin)):
    print(place, flush=True)
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    found = verdict(source)
    faulthandler.cancel_dump_traceback_later()
    print(json.dumps([place, *found]), flush=True)
`

const secondsPerSource = 2.5
/** What one run of the interpreter is given, in bytes; a larger source has a run of its own. */
const bytesPerRun = 8 * 1024 * 1024

/** Finds out which Python there is; null when it does not answer, and another parser has to do. */
export async function createPythonSyntaxCheck(run: RunPython): Promise<PythonSyntaxCheck | null> {
  const probe = await attempt(run, identityScript, '')
  if (probe === null || probe.exitCode !== 0) return null
  const [name = '', version = ''] = probe.stdout.trim().split(' ')
  const identity = `${name === 'cpython' ? 'CPython' : name} ${version}`

  const script = compileScript.replace('SECONDS', String(secondsPerSource))
  const ended = `${identity} could not compile it and said nothing`

  /** As far as the interpreter got; null when there was none. */
  const checkTogether = async (sources: readonly Buffer[]): Promise<readonly SyntaxVerdict[] | null> => {
    const result = await attempt(run, script, JSON.stringify(sources.map((source) => source.toString('base64'))))
    return result === null ? null : readVerdicts(result.stdout, { kind: 'unchecked', reason: ended })
  }
  return {
    identity,
    async check(sources) {
      const verdicts: SyntaxVerdict[] = []
      let isAlone = false
      while (verdicts.length < sources.length) {
        const rest = nextRun(sources, verdicts.length)
        const batch: readonly Buffer[] = isAlone ? rest.slice(0, 1) : rest
        const given = await checkTogether(batch)
        if (given === null) {
          const reason = `${identity} could not be started`
          return [...verdicts, ...sources.slice(verdicts.length).map(() => ({ kind: 'unchecked', reason }) as const)]
        }
        // What ends without a word may not have begun: the next source is then asked by itself.
        isAlone = given.length === 0 && batch.length > 1
        const hasNoWord = given.length === 0 && batch.length === 1
        verdicts.push(...(hasNoWord ? [{ kind: 'unchecked', reason: ended } as const] : given.slice(0, batch.length)))
      }
      return verdicts
    },
  }
}

/** As many sources as one run is given, one at the least. */
function nextRun(sources: readonly Buffer[], from: number): readonly Buffer[] {
  let bytes = 0
  const rest = sources.slice(from)
  const tooMany = rest.findIndex((source, index) => {
    bytes += source.length
    return index > 0 && bytes > bytesPerRun
  })
  return tooMany === -1 ? rest : rest.slice(0, tooMany)
}

async function attempt(run: RunPython, script: string, stdin: string) {
  try {
    return await run(script, stdin)
  } catch {
    // No interpreter, no sandbox or no answer is one and the same here: this parser has no say.
    return null
  }
}

/** The script says which source it takes up, and then what it found; one that was not finished is `unfinished`. */
function readVerdicts(output: string, unfinished: SyntaxVerdict): readonly SyntaxVerdict[] {
  const verdicts: SyntaxVerdict[] = []
  let begun = -1
  for (const text of output.split('\n').slice(0, -1)) {
    const said = readJson(text)
    if (typeof said === 'number' && said === verdicts.length) {
      begun = said
      continue
    }
    // A sandbox may have cut the output: what follows would be of other sources.
    if (!Array.isArray(said) || said[0] !== begun || begun !== verdicts.length) break
    const [, line, message]: unknown[] = said
    const fault = { kind: 'fault', line: typeof line === 'number' ? line : null, message: String(message) } as const
    verdicts.push(said.length === 1 ? { kind: 'valid' } : fault)
  }
  return begun === verdicts.length ? [...verdicts, unfinished] : verdicts
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
      const child = spawnPiped(python, ['-I', '-S', '-W', 'ignore', '-c', script], {
        env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LANG: 'C.UTF-8' },
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
