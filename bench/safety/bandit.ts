import { execFileSync, spawnSync } from 'node:child_process'

/** Whether Bandit is installed for the Python on this machine. */
export const hasBandit = (): boolean => spawnSync('python3', ['-m', 'bandit', '--version']).status === 0

// It ends with 1 when it has found something.
const script = `
import json, resource, subprocess, sys
paths = sys.stdin.read().split('\\n')
done = subprocess.run([sys.executable, '-m', 'bandit', '-q', '-f', 'json', *paths], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
if done.returncode not in (0, 1): sys.exit('bandit ended with %d' % done.returncode)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
metrics = json.loads(done.stdout)['metrics']
print(json.dumps([(used.ru_utime + used.ru_stime) * 1e3, len([path for path in metrics if path != '_totals'])]))
`

/** Has Bandit look at files, with all of its rules. @returns the CPU of the whole process, and how many files it saw */
export const runBandit = (paths: readonly string[]): { readonly cpuMs: number; readonly files: number } => {
  const answer = execFileSync('python3', ['-c', script], { input: paths.join('\n'), encoding: 'utf8' })
  const [cpuMs, files] = JSON.parse(answer) as [number, number]
  return { cpuMs, files }
}
