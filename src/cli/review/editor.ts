import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:fs'
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { UsageError } from '../exit.ts'
import { visibleLine } from '../render/visible-text.ts'

export interface EditorOptions {
  /** As $VISUAL or $EDITOR says it: a program, and words for it. */
  readonly editor: string | undefined
  /** Where another one is looked for. */
  readonly searchPath: string
  /** What the person is to write, told in lines that are taken out again. Fixed words: editors act on some text. */
  readonly hint: string
}

/** The editor ended as one does that a person leaves without an answer, or it failed. */
export class EditorError extends Error {
  override readonly name = 'EditorError'
}

// As git marks it: lines that begin with # are part of a message.
const scissors = '# ------------------------ >8 ------------------------'
// Vim looks for settings in so many lines at either end.
const linesOfEditors = 5

const fallbacks = ['nano', 'vi']

/**
 * Lets the person write in their own editor, as git does.
 * @returns what they wrote without lines that begin with #, trimmed; empty when they wrote nothing
 * @throws UsageError when there is no editor, EditorError when it fails
 */
export const writeInEditor = async (options: EditorOptions): Promise<string> =>
  withoutComments(await useEditor(options, `\n${commented(options.hint)}`))

/**
 * Lets the person change a text, which may have any lines: somebody else wrote it. Editors act on some of a file's first
 * and last lines, so these are ours.
 * @returns what they made of it, trimmed
 * @throws UsageError when there is no editor, or what marks the text is gone; EditorError when the editor fails
 */
export const changeInEditor = async (options: EditorOptions, text: string): Promise<string> => {
  const hint = options.hint.split('\n')
  const ours = commented([...hint, ...Array.from({ length: linesOfEditors - hint.length }, () => '')].join('\n'))
  const left = await useEditor(options, `${ours}${scissors}\n${text.trim()}\n${scissors}\n${ours}`)
  const [from, to] = [left.indexOf(scissors), left.lastIndexOf(scissors)]
  if (from === to) throw new UsageError('The two lines with >8 around the text are gone: nothing was sent.')
  return left.slice(from + scissors.length, to).trim()
}

const commented = (hint: string): string =>
  hint
    .split('\n')
    .map((line) => `# ${line}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('')

/** What the editor leaves of a file that begins as this text. */
const useEditor = async ({ editor, searchPath }: EditorOptions, begin: string): Promise<string> => {
  const command = editor ?? (await findFallback(searchPath))
  const directory = await mkdtemp(join(tmpdir(), 'countersign-'))
  try {
    const file = join(directory, 'words.txt')
    await writeFile(file, begin, { mode: 0o600, flag: 'wx' })
    // Their own words for a shell, as git reads them; the file's name is an argument of its own.
    const child = spawn('/bin/sh', ['-c', `${command} "$@"`, command, file], { stdio: 'inherit' })
    const [code, signal] = await once(child, 'exit')
    if (code !== 0) {
      throw new EditorError(`The editor ${visibleLine(command)} ended with ${signal ?? code}: nothing was sent.`)
    }
    return await readFile(file, 'utf8')
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Keeps what somebody wrote and nobody took. @returns in which file */
export const keepWords = async (text: string): Promise<string> => {
  const file = join(await mkdtemp(join(tmpdir(), 'countersign-')), 'unsent.txt')
  await writeFile(file, `${text}\n`, { mode: 0o600, flag: 'wx' })
  return file
}

/** The text without the lines that begin with #. */
export const withoutComments = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .trim()

const findFallback = async (searchPath: string): Promise<string> => {
  for (const name of fallbacks) {
    for (const directory of searchPath.split(delimiter)) {
      const isThere = await access(join(directory, name), constants.X_OK).then(
        () => true,
        () => false,
      )
      if (isThere) return name
    }
  }
  throw new UsageError('There is no editor: set EDITOR, or give your words with --message.')
}
