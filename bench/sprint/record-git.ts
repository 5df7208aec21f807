import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { programOnPath } from '../harness/programs.ts'

/** One git process as it was: what it was given, where, and what it gave. */
export interface RecordedGit {
  readonly argv: readonly string[]
  readonly cwd: string
  readonly environment: Readonly<Record<string, string>>
  readonly stdin: Buffer
  readonly stdout: Buffer
  readonly exitCode: number
  /** A copy of what was in its directory when its input had come; null for one that works in a repository. */
  readonly files: string | null
  readonly begunAt: number
  readonly endedAt: number
}

export interface GitRecorder {
  /** To be looked in for git before any other. */
  readonly searchPath: string
  /** Whether one has begun and not ended. */
  isBusy(): Promise<boolean>
  /** Those that have ended, in the order of their ends: what one needs of another is there before it. */
  recorded(): Promise<readonly RecordedGit[]>
}

/** Many are asked again and again by one who waits for each answer, so all that comes and goes is passed on at once. */
const recordingGit = (git: string, records: string): string => `#!/bin/bash
run=$(mktemp -d '${records}/XXXXXXXXXXXX')
printf '%s\\0' "$@" >"$run/argv"
pwd >"$run/cwd"
env -0 >"$run/environment"
case " $* " in
' apply '*)
  cat >"$run/in"
  cp -a . "$run/files"
  '${git}' "$@" <"$run/in" | tee "$run/out"
  code=\${PIPESTATUS[0]}
  ;;
*' --stdin '* | *' --batch'* | *' fast-import '*)
  tee "$run/in" | '${git}' "$@" | tee "$run/out"
  code=\${PIPESTATUS[1]}
  ;;
*)
  # It reads nothing, and not everybody who starts it closes its input.
  : >"$run/in"
  '${git}' "$@" </dev/null | tee "$run/out"
  code=\${PIPESTATUS[0]}
  ;;
esac
echo "$code" >"$run/code"
exit "$code"
`

/** What the shell adds of its own. */
const ofShell = new Set(['PWD', 'OLDPWD', 'SHLVL', '_'])

const parts = (text: string): readonly string[] => text.split('\0').slice(0, -1)

const readRecord = async (folder: string): Promise<RecordedGit> => {
  const text = (name: string) => readFile(join(folder, name), 'utf8')
  const argv = parts(await text('argv'))
  const pairs = parts(await text('environment')).map((pair) => {
    const at = pair.indexOf('=')
    return [pair.slice(0, at), pair.slice(at + 1)] as const
  })
  return {
    argv,
    cwd: (await text('cwd')).trimEnd(),
    environment: {
      ...Object.fromEntries(pairs.filter(([name]) => !ofShell.has(name))),
      PATH: process.env.PATH ?? '',
    },
    stdin: await readFile(join(folder, 'in')),
    stdout: await readFile(join(folder, 'out')),
    exitCode: Number(await text('code')),
    files: argv[0] === 'apply' ? join(folder, 'files') : null,
    begunAt: (await stat(join(folder, 'argv'))).mtimeMs,
    endedAt: (await stat(join(folder, 'code'))).mtimeMs,
  }
}

/** A `git` that writes down what it is asked and has the real one answer. @param directory an empty one */
export const createGitRecorder = async (directory: string): Promise<GitRecorder> => {
  const git = programOnPath('git')
  if (git === null) throw new Error('There is no git on PATH.')
  const records = join(directory, 'records')
  const programs = join(directory, 'programs')
  await mkdir(records)
  await mkdir(programs)
  await writeFile(join(programs, 'git'), recordingGit(git, records), { mode: 0o755 })
  const folders = async () => {
    const all = await readdir(records)
    const states = await Promise.all(
      all.map(async (name) => ({ folder: join(records, name), files: await readdir(join(records, name)) })),
    )
    return {
      ended: states.filter(({ files }) => files.includes('code')).map(({ folder }) => folder),
      busy: states.filter(({ files }) => !files.includes('code')),
    }
  }
  return {
    searchPath: `${programs}:${process.env.PATH}`,
    isBusy: async () => (await folders()).busy.length > 0,
    async recorded() {
      const all = await Promise.all((await folders()).ended.map(readRecord))
      return all.toSorted((a, b) => a.endedAt - b.endedAt)
    },
  }
}
