import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import type { GraphQLClient } from '../graphql-client.ts'
import type { Output } from '../output.ts'
import { visibleLine } from '../render/visible-text.ts'
import { markOpened } from './actions.ts'
import { commandOf, readKeys } from './keys.ts'
import { emptyQueue, pendingFacts, pendingTitle, riskReasons } from './list.ts'
import { loadAgain, loadReading, pendingPages, type QueueOrder, type Reading } from './load.ts'
import { type Page, pagesOf } from './pages.ts'
import { type Dialogue, faultWords, isAction, perform } from './perform.ts'
import { proseRows } from './rows.ts'
import type { PendingDiff } from './shown-diff.ts'

export interface PlainOptions {
  readonly client: GraphQLClient
  readonly output: Output
  readonly signal: AbortSignal
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly write: () => Promise<string>
  readonly edit: (text: string) => Promise<string>
  readonly order: QueueOrder
  readonly diffId: string | undefined
}

interface Plain extends PlainOptions {
  /** A line that the person typed, trimmed; null at the end of what they type. */
  ask(question: string): Promise<string | null>
  readonly dialogue: Dialogue
}

const rowsAtOnce = 20
const maxDiffs = 100

/** The same as on a screen, for who has it read out: one line after another, and nothing is redrawn. @throws RequestError */
export const reviewInLines = async (options: PlainOptions): Promise<void> => {
  const { stdin, stdout, signal, write, edit, diffId } = options
  const ask = async (question: string): Promise<string | null> => {
    // One for each question, so that an editor has the terminal to itself between two.
    const lines = createInterface({ input: stdin, output: stdout, terminal: false })
    try {
      const isOver = once(lines, 'close').then(() => null)
      const answer = await Promise.race([lines.question(`${visibleLine(question)} `, { signal }), isOver])
      return answer === null ? null : answer.trim()
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    } finally {
      lines.close()
    }
  }
  const dialogue: Dialogue = {
    confirm: async (question) => /^y(es)?$/i.test((await ask(`${question} Type yes or no:`)) ?? ''),
    line: ask,
    write,
    edit,
  }
  const plain: Plain = { ...options, ask, dialogue }
  await (diffId === undefined ? queueInLines(plain) : readInLines(plain, diffId))
}

const loadQueue = async (client: GraphQLClient, order: QueueOrder): Promise<readonly PendingDiff[]> => {
  const diffs: PendingDiff[] = []
  for await (const page of pendingPages(client, order)) {
    diffs.push(...page)
    if (diffs.length >= maxDiffs) break
  }
  return diffs
}

const queueInLines = async (plain: Plain): Promise<void> => {
  const { client, output, order, ask } = plain
  let diffs = await loadQueue(client, order)
  for (;;) {
    if (diffs.length === 0) output.print(emptyQueue)
    for (const [at, diff] of diffs.entries()) {
      output.print(proseRows(`${at + 1}. ${pendingTitle(diff)}`, output, '').join('\n'))
      output.print(proseRows(pendingFacts(diff), output).join('\n'))
      if (diff.risk.reasons.length > 0) output.print(proseRows(riskReasons(diff), output).join('\n'))
    }
    const answer = await ask('Type the number of one to read, r to reload, q to quit:')
    if (answer === null || answer === 'q') return
    const diff = diffs[Number(answer) - 1]
    if (!diff && answer !== 'r' && answer !== '') output.print(`There is no ${visibleLine(answer)} in the list.`)
    try {
      if (diff) await readInLines(plain, diff.id)
      diffs = await loadQueue(client, order)
    } catch (error) {
      output.print(faultWords(error))
    }
  }
}

const commands = readKeys
  .filter(({ command }) => !['lineDown', 'lineUp', 'pageUp', 'pageDown'].includes(command))
  .map(({ shown, words }) => `${shown} ${words}`)
  .join(', ')

const readInLines = async ({ client, output, ask, dialogue }: Plain, id: string): Promise<void> => {
  let reading: Reading = await loadReading(client, id)
  let pages = pagesOf(reading)
  let at = 0
  let from = 0
  let rows: readonly string[] = []
  const current = (): Page => {
    const page = pages[at]
    if (!page) throw new Error(`There is no part ${at} of ${pages.length}.`)
    return page
  }
  const turnTo = (page: number) => {
    at = Math.max(0, Math.min(page, pages.length - 1))
    from = 0
    const opened = current()
    rows = opened.rows(output)
    output.print(`Part ${at + 1} of ${pages.length}: ${opened.title}`)
    printOn()
  }
  const printOn = () => {
    output.print(rows.slice(from, from + rowsAtOnce).join('\n'))
    from += rowsAtOnce
  }
  const start = async (diffId: string) => {
    reading = await loadReading(client, diffId)
    pages = pagesOf(reading)
    turnTo(0)
  }
  /** The same part of what there is now; where that is not what was read, all of it from its start. */
  const goOn = async () => {
    const { reading: now, changed } = await loadAgain(client, reading)
    const { key } = current()
    reading = now
    pages = pagesOf(reading)
    const place = pages.findIndex((page) => page.key === key)
    if (changed.length > 0) output.print(`${changed.join(' and ')} changed: read it again.`)
    if (changed.length > 0 || place < 0) turnTo(0)
    else at = place
  }
  const note = await markOpened(client, reading.diff)
  if (note !== '') output.print(note)
  output.print(`${commands}, Enter to read on, ? for these words.`)
  turnTo(0)
  for (;;) {
    const left = Math.max(0, rows.length - from)
    const answer = await ask(left > 0 ? `${left} rows more here. Command:` : 'The end of this part. Command:')
    if (answer === null) return
    const command = answer === '' ? 'pageDown' : commandOf(readKeys, answer)
    if (command === 'back') return
    if (command === 'pageDown' && left > 0) printOn()
    else if (command === 'pageDown' && at === pages.length - 1) output.print('That was all of it.')
    else if (command === 'pageDown' || command === 'next') turnTo(at + 1)
    else if (command === 'previous') turnTo(at - 1)
    else if (command === 'first') turnTo(0)
    else if (command === 'reload') await start(reading.diff.id)
    else if (command !== undefined && isAction(command)) {
      const { words, diffId } = await perform(client, command, { diff: reading.diff, page: current() }, dialogue)
      output.print(words)
      // What the person has just changed themselves is shown, and no news.
      await (diffId !== reading.diff.id || command === 'message' ? start(diffId) : goOn())
    } else output.print(`${commands}, Enter to read on.`)
  }
}
