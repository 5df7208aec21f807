import { isUtf8 } from 'node:buffer'
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** True where a `python3` answers. */
export const hasPython = spawnSync('python3', ['-I', '-S', '-c', 'pass']).status === 0

/**
 * The files of the standard library that are UTF-8, at most about so many, from all over it. On some systems its tests
 * are part of it, and it has three times the files.
 */
export function libraryFiles(most: number): readonly string[] {
  const script = "import sysconfig; print(sysconfig.get_path('stdlib'))"
  const root = execFileSync('python3', ['-I', '-c', script], { encoding: 'utf8' }).trim()
  const all = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.py'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('site-packages') && isUtf8(readFileSync(path)))
    .sort()
  const step = Math.max(1, Math.floor(all.length / most))
  return all.filter((_, index) => index % step === 0)
}

/** A source as Python decodes it. */
export function readSource(path: string): string {
  return readFileSync(path, 'utf8').replace(/^\ufeff/, '')
}
