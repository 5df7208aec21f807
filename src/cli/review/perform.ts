import { UsageError } from '../exit.ts'
import { type GraphQLClient, RefusedError, RequestError } from '../graphql-client.ts'
import { visibleLine } from '../render/visible-text.ts'
import {
  approve,
  ChangedError,
  changeMessage,
  comment,
  commit,
  type Done,
  expectUnchanged,
  keep,
  mark,
  rebase,
  reject,
  runTests,
} from './actions.ts'
import { EditorError, keepWords } from './editor.ts'
import { wholeFiles } from './hunk-choice.ts'
import type { ReadCommand } from './keys.ts'
import type { Page } from './pages.ts'
import { readLinePlace } from './request.ts'
import type { ShownDiff } from './shown-diff.ts'

/** How a person is asked, on a screen or line by line. */
export interface Dialogue {
  confirm(question: string): Promise<boolean>
  /** Null when they leave without an answer. */
  line(question: string): Promise<string | null>
  /** Some lines, from an editor; empty when they wrote nothing. */
  write(): Promise<string>
  /** The text as the editor left it. */
  edit(text: string): Promise<string>
}

const actionCommands = ['approve', 'reject', 'comment', 'mark', 'message', 'keep', 'rebase', 'test', 'commit'] as const
export type ActionCommand = (typeof actionCommands)[number]

export const isAction = (command: ReadCommand): command is ActionCommand =>
  (actionCommands as readonly ReadCommand[]).includes(command)

export interface Performed {
  /** What came of it, for the person. */
  readonly words: string
  /** The diff to look at now. */
  readonly diffId: string
}

const nothingSent = 'Nothing was sent.'

/** Does what a key asks for, once the person has confirmed it; what is refused is told in words, not thrown. */
export const perform = async (
  client: GraphQLClient,
  command: ActionCommand,
  { diff, page }: { readonly diff: ShownDiff; readonly page: Page },
  dialogue: Dialogue,
): Promise<Performed> => {
  try {
    const done = await actions[command]({ client, diff, page, dialogue })
    return done ?? { words: nothingSent, diffId: diff.id }
  } catch (error) {
    return { words: faultWords(error), diffId: diff.id }
  }
}

/** What somebody wrote was not taken; its message says why, and where their words are. */
class UnsentError extends Error {
  override readonly name = 'UnsentError'
}

const answers = [RefusedError, ChangedError, UsageError, RequestError, EditorError, UnsentError]

/** What the server, its silence, or the editor tells a person who then goes on. @throws whatever is none of that */
export const faultWords = (error: unknown): string => {
  if (error instanceof Error && answers.some((type) => error instanceof type)) return visibleLine(error.message)
  throw error
}

/** Sends what a person wrote: where it is not taken, their words are not lost. @throws UnsentError */
const send = async <Sent>(text: string, work: () => Promise<Sent>): Promise<Sent> => {
  try {
    return await work()
  } catch (error) {
    throw new UnsentError(`${faultWords(error)} What you wrote is kept in ${await keepWords(text)}.`)
  }
}

interface Asked {
  readonly client: GraphQLClient
  readonly diff: ShownDiff
  readonly page: Page
  readonly dialogue: Dialogue
}

const actions: Readonly<Record<ActionCommand, (asked: Asked) => Promise<Done | null>>> = {
  async approve({ client, diff, dialogue }) {
    if (!(await dialogue.confirm('Approve this change, exactly as it was shown?'))) return null
    await expectUnchanged(client, diff)
    return approve(client, diff, diff.status)
  },
  async reject({ client, diff, dialogue }) {
    const feedback = await dialogue.write()
    if (feedback === '') return null
    return send(feedback, async () => {
      await expectUnchanged(client, diff)
      return reject(client, diff, diff.status, feedback)
    })
  },
  async comment({ client, diff, page, dialogue }) {
    const path = page.file?.path
    const question =
      path === undefined ? 'On which line (PATH:LINE)? ' : 'On which line (14, or -14 for a removed one)? '
    const answer = await dialogue.line(question)
    if (answer === null || answer === '') return null
    const at = readLinePlace(path === undefined ? answer : `${path}:${answer}`)
    const before = at.side === 'BEFORE' && page.file?.previousPath ? { path: page.file.previousPath } : {}
    const text = await dialogue.write()
    return text === '' ? null : send(text, () => comment(client, diff.id, { ...at, ...before }, text))
  },
  async mark({ client, diff, page }) {
    if (page.file === null) throw new UsageError('It is files that are marked: go on to one with n.')
    return mark(client, diff.id, page.file)
  },
  async message({ client, diff, dialogue }) {
    const message = await dialogue.edit(diff.commitMessage)
    if (message === '' || message === diff.commitMessage.trim()) return null
    return send(message, async () => {
      await expectUnchanged(client, diff)
      return changeMessage(client, diff.id, message)
    })
  },
  async keep({ client, diff, dialogue }) {
    const whole = wholeFiles(diff.files).length
    const others = whole === 0 ? '' : `; f0 to f${whole - 1} are changes without hunks, in order`
    const choice = await dialogue.line(`Which hunks are kept (0,2-4${others})? `)
    if (choice === null || choice === '') return null
    const question = `Keep ${visibleLine(choice)} and drop the rest? A new diff takes this one's place.`
    return (await dialogue.confirm(question)) ? keep(client, diff, choice) : null
  },
  async rebase({ client, diff, dialogue }) {
    const question = `Move this change to the head of ${visibleLine(diff.targetBranch)}? A new diff takes this one's place.`
    return (await dialogue.confirm(question)) ? rebase(client, diff.id) : null
  },
  test: ({ client, diff }) => runTests(client, diff.id),
  async commit({ client, diff, dialogue }) {
    const question = `Commit this change to ${visibleLine(diff.targetBranch)}?`
    return (await dialogue.confirm(question)) ? commit(client, diff.id) : null
  },
}
