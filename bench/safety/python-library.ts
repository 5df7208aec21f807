import { isUtf8 } from 'node:buffer'
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Whether there is a Python whose library could be read. */
export const hasPython = (): boolean => spawnSync('python3', ['-I', '-S', '-c', 'pass']).status === 0

/** The files of the standard library of the Python on this machine, by path: its tests among them where it has them. */
export const libraryFiles = (): readonly string[] => {
  const script = "import sysconfig; print(sysconfig.get_path('stdlib'))"
  const root = execFileSync('python3', ['-I', '-c', script], { encoding: 'utf8' }).trim()
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.py'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('site-packages') && isUtf8(readFileSync(path)))
    .sort()
}

const parseScript = `
import ast, json, sys, time, warnings
warnings.simplefilter('ignore')
sources = [(path, open(path, 'rb').read()) for path in sys.stdin.read().split('\\n')]
refused = []
begun = time.process_time()
for path, source in sources:
    try: ast.parse(source)
    except (SyntaxError, ValueError): refused.append(path)
print(json.dumps([(time.process_time() - begun) * 1e3, refused]))
`

/** What Python's own parser makes of files. */
export interface Parsed {
  /** CPU for parsing alone: not for reading, nor for starting. */
  readonly cpuMs: number
  readonly refused: readonly string[]
}

/** Has `ast.parse` parse files, one after the other. */
export const parseAll = (paths: readonly string[]): Parsed => {
  const input = paths.join('\n')
  const answer = execFileSync('python3', ['-I', '-S', '-c', parseScript], {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  const [cpuMs, refused] = JSON.parse(answer) as [number, string[]]
  return { cpuMs, refused }
}
