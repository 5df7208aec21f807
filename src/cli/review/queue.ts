import { formatCount } from '../render/amounts.ts'
import { commandOf, queueKeys } from './keys.ts'
import { emptyQueue, pendingFacts, pendingTitle } from './list.ts'
import { pendingPages, type QueueOrder } from './load.ts'
import { faultWords } from './perform.ts'
import { readDiff } from './read-diff.ts'
import type { PendingDiff } from './shown-diff.ts'
import { drawFrame, nextInput, type Terminal } from './terminal.ts'

const maxDiffs = 200
const rowsOfDiff = 2

const orderWords: Readonly<Record<QueueOrder, string>> = { age: 'oldest first', risk: 'worst first' }

const loadQueue = async ({ client }: Terminal, order: QueueOrder): Promise<readonly PendingDiff[]> => {
  const found: PendingDiff[] = []
  for await (const diffs of pendingPages(client, order)) {
    found.push(...diffs)
    if (found.length >= maxDiffs) break
  }
  return found.slice(0, maxDiffs)
}

/** Shows what waits, as it comes and goes, until the person quits. @throws RequestError when nothing can be read at first */
export const showQueue = async (terminal: Terminal, order: QueueOrder): Promise<void> => {
  const { style } = terminal
  let diffs = await loadQueue(terminal, order)
  let selected = 0
  let note = ''

  const body = (height: number): readonly string[] => {
    if (diffs.length === 0) return [emptyQueue]
    const fitting = Math.max(1, Math.floor(height / rowsOfDiff))
    const from = Math.max(0, Math.min(selected - Math.floor(fitting / 2), diffs.length - fitting))
    return diffs.slice(from, from + fitting).flatMap((diff, at) => {
      const isSelected = from + at === selected
      const title = pendingTitle(diff)
      return [isSelected ? style.strong(`> ${title}`) : `  ${title}`, style.faint(`    ${pendingFacts(diff)}`)]
    })
  }
  const telling = async (work: () => Promise<void>): Promise<string> => {
    try {
      await work()
      return ''
    } catch (error) {
      return faultWords(error)
    }
  }
  const reload = () =>
    telling(async () => {
      const id = diffs[selected]?.id
      diffs = await loadQueue(terminal, order)
      const at = diffs.findIndex((diff) => diff.id === id)
      selected = at >= 0 ? at : Math.max(0, Math.min(selected, diffs.length - 1))
    })

  for (;;) {
    const counted = diffs.length < maxDiffs ? formatCount(diffs.length) : `the first ${maxDiffs}`
    const title = () => `Waiting for a review, ${orderWords[order]}: ${counted}`
    drawFrame(terminal, { title, body, note, keys: queueKeys })
    const input = await nextInput(terminal)
    if (input.kind === 'changed') note = await reload()
    if (input.kind !== 'key') continue
    const command = commandOf(queueKeys, input.name)
    const diff = diffs[selected]
    if (command === 'quit') return
    if (command === 'reload') note = await reload()
    else if (command === 'down') selected = Math.min(selected + 1, Math.max(0, diffs.length - 1))
    else if (command === 'up') selected = Math.max(0, selected - 1)
    else if (command === 'open' && diff) {
      const fault = await telling(() => readDiff(terminal, diff.id))
      note = [fault, await reload()].filter((words) => words !== '').join(' ')
    }
  }
}
