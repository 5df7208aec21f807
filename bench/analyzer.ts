import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createPythonAnalyzer } from '../src/adapters/analyzer/python.ts'
import { registerLanguages } from '../src/adapters/analyzer/syntax-tree.ts'

/**
 * Analyses the standard library of the Python on this machine, and lets the same Python parse the same files with
 * `ast.parse`, both on one core. Usage: node bench/analyzer.ts [every Nth file]
 */
const step = Number(process.argv[2] ?? 1)
const stdlib = execFileSync('python3', ['-I', '-c', "import sysconfig; print(sysconfig.get_path('stdlib'))"], {
  encoding: 'utf8',
}).trim()

const paths = readdirSync(stdlib, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.py'))
  .map((entry) => join(entry.parentPath, entry.name))
  .filter((path) => !path.includes('site-packages'))
  .sort()
  .filter((_, index) => index % step === 0)

registerLanguages()
const analyzer = createPythonAnalyzer()
const sources = paths.map((path) => readFileSync(path, 'utf8'))
const megabytes = sources.reduce((sum, source) => sum + Buffer.byteLength(source), 0) / 1e6

const failures: string[] = []
const withErrors: string[] = []
const slowest: { ms: number; path: string }[] = []
let uses = 0
const cpu = process.cpuUsage()
for (const [index, source] of sources.entries()) {
  const path = paths[index] ?? ''
  const begun = performance.now()
  try {
    const analysis = analyzer.analyze(source, false)
    uses += analysis.uses.length
    if (analysis.errors.length > 0) withErrors.push(path)
  } catch (error) {
    failures.push(`${path}: ${error}`)
  }
  slowest.push({ ms: performance.now() - begun, path })
}
const spent = process.cpuUsage(cpu)
const seconds = (spent.user + spent.system) / 1e6

const parseScript = `
import ast, sys, time, warnings
warnings.simplefilter('ignore')
sources = [open(path, 'rb').read() for path in sys.stdin.read().split('\\n')]
begun = time.process_time()
for source in sources:
    try: ast.parse(source)
    except (SyntaxError, ValueError): pass
print(time.process_time() - begun)
`
const parseSeconds = Number(
  execFileSync('python3', ['-I', '-S', '-c', parseScript], { input: paths.join('\n'), encoding: 'utf8' }),
)

const line = (name: string, time: number) =>
  `${name.padEnd(12)} ${time.toFixed(2)} s CPU  ${(paths.length / time).toFixed(0)} files/s  ${(megabytes / time).toFixed(1)} MB/s`
console.log(`${paths.length} files, ${megabytes.toFixed(1)} MB, ${uses} uses`)
console.log(line('analyzer', seconds))
console.log(line('ast.parse', parseSeconds))
console.log(`analyzer / ast.parse: ${(seconds / parseSeconds).toFixed(2)}`)
console.log(`${failures.length} failed${failures.map((failure) => `\n  ${failure}`).join('')}`)
console.log(`${withErrors.length} with parser errors`)
for (const { ms, path } of slowest.sort((a, b) => b.ms - a.ms).slice(0, 8)) console.log(`  ${ms.toFixed(0)} ms ${path}`)
