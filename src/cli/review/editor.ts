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

const fallbacks = ['nano', 'vi']

/**
 * Lets the person write in their own editor, as git does.
 * @returns what they wrote without lines that begin with #, trimmed; empty when they wrote nothing
 * @throws UsageError when there is no editor; Error when it fails
 */
export const writeInEditor = async ({ editor, searchPath, hint }: EditorOptions): Promise<string> => {
  const command = editor ?? (await findFallback(searchPath))
  const directory = await mkdtemp(join(tmpdir(), 'countersign-'))
  try {
    const file = join(directory, 'feedback.txt')
    const comment = hint.split('\n').map((line) => `# ${line}`)
    await writeFile(file, `\n${comment.join('\n')}\n`, { mode: 0o600, flag: 'wx' })
    // Their own words for a shell, as git reads them; the file's name is an argument of its own.
    const child = spawn('/bin/sh', ['-c', `${command} "$@"`, command, file], { stdio: 'inherit' })
    const [code, signal] = await once(child, 'exit')
    if (code !== 0) {
      throw new Error(`The editor ${visibleLine(command)} ended with ${signal ?? code}: nothing was sent.`)
    }
    return withoutComments(await readFile(file, 'utf8'))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
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
