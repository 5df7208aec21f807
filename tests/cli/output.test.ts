import { expect, test } from 'vitest'
import { createOutput, type OutputStream } from '../../src/cli/output.ts'

const createStream = (terminal?: { readonly columns: number; readonly rows: number }) => {
  const written: string[] = []
  const stream: OutputStream = {
    ...(terminal && { isTTY: true, ...terminal, hasColors: () => true }),
    write: (text) => written.push(text),
  }
  return { stream, text: () => written.join('') }
}

const create = (options: { json?: boolean; columns?: number; stdinIsTerminal?: boolean; canRedraw?: boolean } = {}) => {
  const out = createStream(options.columns === undefined ? undefined : { columns: options.columns, rows: 10 })
  const err = createStream()
  const output = createOutput({
    json: options.json ?? false,
    quiet: false,
    stdout: out.stream,
    stderr: err.stream,
    stdin: { isTTY: options.stdinIsTerminal ?? false },
    ...(options.canRedraw !== undefined && { canRedraw: options.canRedraw }),
  })
  return { output, out, err }
}

test('in JSON mode stdout carries JSON lines only', () => {
  const { output, out, err } = create({ json: true, columns: 80, stdinIsTerminal: true })
  output.print('for people')
  output.live(['progress'])
  output.warn('a problem')
  output.json({ type: 'a', n: 1 })
  expect(out.text()).toBe('{"type":"a","n":1}\n')
  expect(err.text()).toBe('a problem\n')
  expect(output.canAsk).toBe(false)
})

test('without a terminal there are plain lines, no colour and no redrawing', () => {
  const { output, out } = create()
  output.live(['progress'])
  output.json({ type: 'a' })
  output.print(output.style.bad('text'))
  expect(output.mode).toBe('plain')
  expect(out.text()).toBe('text\n')
  expect(output.canAsk).toBe(false)
})

test('on a terminal live lines are taken back before they are drawn again, and when something is printed', () => {
  const { output, out } = create({ columns: 80, stdinIsTerminal: true })
  output.live(['one', 'two'])
  output.live(['one', 'three'])
  output.print('done')
  output.live([])
  expect(out.text()).toBe(
    'one\ntwo\n\u001b[2A\r\u001b[0Jone\nthree\n\u001b[2A\r\u001b[0Jdone\none\nthree\n\u001b[2A\r\u001b[0J',
  )
  expect(output.canAsk).toBe(true)
})

test('the same live lines again cost nothing', () => {
  const { output, out } = create({ columns: 80 })
  output.live(['one'])
  output.live(['one'])
  expect(out.text()).toBe('one\n')
})

test('live lines that would wrap or scroll are cut, since they could not be taken back', () => {
  const { output, out } = create({ columns: 20 })
  output.live(Array.from({ length: 30 }, (_, index) => `${index} ${'x'.repeat(50)}`))
  const lines = out.text().trimEnd().split('\n')
  expect(lines).toHaveLength(8)
  for (const line of lines) expect(line.length).toBeLessThan(20)
})

test('a person can only be asked where they can also answer', () => {
  expect(create({ columns: 80, stdinIsTerminal: false }).output.canAsk).toBe(false)
})

test('nothing is redrawn on a terminal that something else writes to as well', () => {
  expect(create({ columns: 80, canRedraw: false }).output.mode).toBe('plain')
})
