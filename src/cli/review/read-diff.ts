import { markOpened } from './actions.ts'
import { type Binding, commandOf, readKeys } from './keys.ts'
import { loadAgain, loadReading } from './load.ts'
import { faultWords, isAction, perform } from './perform.ts'
import { createReader } from './reader.ts'
import { createScreenDialogue } from './screen-dialogue.ts'
import { drawFrame, nextInput, type Terminal } from './terminal.ts'

/** Shows a diff until the person leaves it. @throws UsageError when there is none, RequestError when it cannot be read */
export const readDiff = async (terminal: Terminal, id: string): Promise<void> => {
  const { client, screen, style } = terminal
  let reading = await loadReading(client, id)
  let note = await markOpened(client, reading.diff)
  let height = 1
  const reader = createReader(reading, () => ({ style, columns: screen.columns }))
  const show = (words: string, keys: readonly Binding<string>[]) => {
    const body = (rows: number) => {
      height = rows
      return reader.rows(rows)
    }
    drawFrame(terminal, { title: reader.title, body, note: words, keys })
  }
  const dialogue = createScreenDialogue(terminal, show)

  const refresh = async (): Promise<string> => {
    try {
      const { reading: now, changed } = await loadAgain(client, reading)
      reading = now
      reader.show(reading, changed.length > 0)
      return changed.length > 0 ? `${changed.join(' and ')} changed: read it again.` : ''
    } catch (error) {
      return faultWords(error)
    }
  }
  const replace = async (diffId: string): Promise<string> => {
    reading = await loadReading(client, diffId)
    reader.show(reading, true)
    return markOpened(client, reading.diff)
  }

  for (;;) {
    show(note, readKeys)
    const input = await nextInput(terminal)
    if (input.kind === 'changed' && (input.diffId === null || input.diffId === reading.diff.id)) {
      note = (await refresh()) || note
    }
    if (input.kind !== 'key') continue
    const command = commandOf(readKeys, input.name)
    if (command === undefined) continue
    if (command === 'back') return
    if (command === 'reload') note = (await refresh()) || 'It is as it is shown.'
    else if (isAction(command)) {
      const { words, diffId } = await perform(client, command, { diff: reading.diff, page: reader.page }, dialogue)
      // What the person has just changed themselves is shown, and no news.
      const isAnother = diffId !== reading.diff.id || command === 'message'
      const more = isAnother ? await replace(diffId) : await refresh()
      note = [words, more].filter((each) => each !== '').join(' ')
    } else if (reader.move(command, height)) note = ''
  }
}
