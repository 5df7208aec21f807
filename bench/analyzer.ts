import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createPythonAnalyzer } from '../src/adapters/analyzer/python.ts'

/**
 * Analyses the standard library of the Python on this machine, and lets the same Python parse the same files with
 * `ast.parse`: both on one core, in turns, so that what else the machine does falls on both.
 * Usage: node bench/analyzer.ts [every Nth file] [rounds]
 */
const step = Number(process.argv[2] ?? 1)
const rounds = Number(process.argv[3] ?? 5)

const stdlib = execFileSync('python3', ['-I', '-c', "import sysconfig; print(sysconfig.get_path('stdlib'))"], {
  encoding: 'utf8',
}).trim()
const paths = readdirSync(stdlib, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.py'))
  .map((entry) => join(entry.parentPath, entry.name))
  .filter((path) => !path.includes('site-packages'))
  .sort()
  .filter((_, index) => index % step === 0)
const sources = paths.map((path) => readFileSync(path, 'utf8'))
const megabytes = sources.reduce((sum, source) => sum + Buffer.byteLength(source), 0) / 1e6

const analyzer = createPythonAnalyzer()
const failures = new Set<string>()
const withErrors = new Set<string>()
const slowest = new Map<string, number>()
let uses = 0

/** Analyses all files; returns the seconds of CPU that it took. */
function analyzeAll(): number {
  uses = 0
  const begun = process.cpuUsage()
  for (const [index, source] of sources.entries()) {
    const path = paths[index] ?? ''
    const fileBegun = performance.now()
    try {
      const analysis = analyzer.analyze(source, false)
      uses += analysis.uses.length
      if (analysis.errors.length > 0) withErrors.add(path)
    } catch (error) {
      failures.add(`${path}: ${error}`)
    }
    slowest.set(path, Math.min(slowest.get(path) ?? Number.POSITIVE_INFINITY, performance.now() - fileBegun))
  }
  const { user, system } = process.cpuUsage(begun)
  return (user + system) / 1e6
}

const parseScript = `
import ast, resource, sys, time, warnings
warnings.simplefilter('ignore')
sources = [open(path, 'rb').read() for path in sys.stdin.read().split('\\n')]
begun = time.process_time()
for source in sources:
    try: ast.parse(source)
    except (SyntaxError, ValueError): pass
print(time.process_time() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
`

/** Parses all files with `ast.parse`; returns seconds of CPU and megabytes of memory. */
function parseAll(): { seconds: number; memory: number } {
  const answer = execFileSync('python3', ['-I', '-S', '-c', parseScript], { input: paths.join('\n'), encoding: 'utf8' })
  const [seconds = Number.NaN, memory = Number.NaN] = answer.trim().split(' ').map(Number)
  return { seconds, memory }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
}

const analyzed: number[] = []
const parsed: number[] = []
let parserMemory = 0
for (let round = 1; round <= rounds; round += 1) {
  analyzed.push(analyzeAll())
  const { seconds, memory } = parseAll()
  parsed.push(seconds)
  parserMemory = Math.max(parserMemory, memory)
  console.log(`round ${round}: analyzer ${analyzed.at(-1)?.toFixed(2)} s CPU, ast.parse ${seconds.toFixed(2)} s CPU`)
}
const ratios = analyzed.map((seconds, round) => seconds / (parsed[round] ?? Number.NaN))

const line = (name: string, seconds: number, memory: number) =>
  [
    `${name.padEnd(10)} ${seconds.toFixed(2)} s CPU`,
    `${(paths.length / seconds).toFixed(0)} files/s`,
    `${(megabytes / seconds).toFixed(1)} MB/s`,
    `${memory.toFixed(0)} MB at most`,
  ].join('  ')
console.log(`${paths.length} files, ${megabytes.toFixed(1)} MB, ${uses} uses; medians of ${rounds} rounds:`)
console.log(line('analyzer', median(analyzed), process.resourceUsage().maxRSS / 1e3))
console.log(line('ast.parse', median(parsed), parserMemory))
console.log(`analyzer / ast.parse: ${median(ratios).toFixed(2)} (first round, cold: ${ratios[0]?.toFixed(2)})`)
console.log(`${failures.size} failed${[...failures].map((failure) => `\n  ${failure}`).join('')}`)
console.log(`${withErrors.size} with parser errors`)
for (const [path, ms] of [...slowest].sort((a, b) => b[1] - a[1]).slice(0, 8)) {
  console.log(`  ${ms.toFixed(0)} ms ${path}`)
}
