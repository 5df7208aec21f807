import { expect, it } from 'vitest'
import { withLogContext } from '../../src/domain/shared/log-context.ts'
import { createLogger, type LogSettings } from '../../src/logger.ts'

const canary = 'canary"with\\quotes/and#signs'

/** What a logger writes. */
const logged = (use: (log: ReturnType<typeof createLogger>) => void, settings: Partial<LogSettings> = {}): string => {
  const lines: string[] = []
  use(createLogger({ level: 'trace', format: 'json', secrets: [canary], ...settings }, (line) => lines.push(line)))
  return lines.join('')
}

it('a line says of which request, job and trace it is, also after a wait, and nothing of them outside', async () => {
  const lines: string[] = []
  const log = createLogger({ level: 'info', format: 'json', secrets: [] }, (line) => lines.push(line))
  await withLogContext({ requestId: 'a-request' }, async () => {
    await Promise.resolve()
    log.info({}, 'asked')
    await withLogContext({ job: 'run-candidate', jobId: 'outbox-1', traceId: 'ab' }, async () => log.info({}, 'done'))
  })
  log.info({}, 'outside')
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { msg: 'asked', requestId: 'a-request' },
    { msg: 'done', requestId: 'a-request', job: 'run-candidate', jobId: 'outbox-1', traceId: 'ab' },
    { msg: 'outside' },
  ])
  expect(Object.keys(JSON.parse(lines[2] ?? ''))).not.toContain('requestId')
})

it('secrets are taken out of messages, errors, their causes and whatever else is logged, and the line stays JSON', () => {
  const cause = new Error(`connect: postgres://somebody:${encodeURIComponent(canary)}@host/db`)
  const error = new Error(`it answered: ${canary}`, { cause })
  const line = logged((log) =>
    log.warn({ error, deep: { list: [canary], header: `Bearer ${canary}` } }, `said ${canary}`),
  )
  expect(line).not.toContain('canary')
  expect(JSON.parse(line)).toMatchObject({ msg: 'said [redacted]', deep: { list: ['[redacted]'] } })
})

it('of an error that stands for several each is logged, with its causes, and the secrets in them are out', () => {
  const refused = Object.assign(new Error(`connect ${canary}`), { code: 'ECONNREFUSED' })
  const several = new AggregateError([refused, new TypeError('second'), 'third'], 'all failed')
  const suppressed = new SuppressedError(new Error('on closing'), several, 'two at once')
  const line = logged((log) => log.error({ error: new Error('outer', { cause: suppressed }) }, 'failed'))
  expect(line).not.toContain('canary')
  expect(JSON.parse(line).error).toMatchObject({
    message: 'outer',
    cause: {
      type: 'SuppressedError',
      errors: [
        { message: 'on closing' },
        {
          type: 'AggregateError',
          message: 'all failed',
          errors: [{ message: 'connect [redacted]', code: 'ECONNREFUSED' }, { type: 'TypeError' }, 'third'],
        },
      ],
    },
  })
})

it.each([
  [
    'that is its own cause',
    () => {
      const error = new Error('again')
      error.cause = error
      return error
    },
  ],
  [
    'whose parts are of it',
    () => {
      const error = new AggregateError([], 'again')
      for (let part = 0; part < 1_000; part++) error.errors.push(error)
      return error
    },
  ],
  ['with a thousand causes', () => Array.from({ length: 1_000 }).reduce((cause) => new Error('again', { cause }))],
])('an error %s is logged as far as a reader looks', (_, make) => {
  const line = logged((log) => log.error({ error: make() }, 'failed'))
  const times = line.match(/"message":"again"/g)?.length ?? 0
  expect(times).toBeGreaterThan(3)
  expect(times).toBeLessThanOrEqual(30)
  expect(line).toContain('"[more]"')
  expect(JSON.parse(line).msg).toBe('failed')
})

it.each([
  ['a token of ours', 'csk_Wm9rY2FuYXJ5Y2FuYXJ5Y2FuYXJ5', ''],
  ["a provider's key", 'sk-ant-api03-canarycanarycanary', ''],
  ["a repository server's token", 'ghp_canarycanarycanarycanary', ''],
  ['the secret of a webhook', 'whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5', ''],
  ['credentials in a URL', 'https://canary:canary@host.example/a.git', 'https://[redacted]@host.example/a.git'],
  ['a token in a URL', 'https://canary@host.example/a.git', 'https://[redacted]@host.example/a.git'],
  ['a header', 'authorization: Basic Y2FuYXJ5OmNhbmFyeQ==', 'authorization: Basic [redacted]'],
  ['a parameter', 'https://host.example/?a=b&token=canary&c=d', 'https://host.example/?a=b&token=[redacted]&c=d'],
  ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----\ncanary\n-----END OPENSSH PRIVATE KEY-----', '[redacted]'],
])('%s is known by its form', (_, text, left) => {
  const line = logged((log) => log.info({ text: `before ${text} after` }, 'said'))
  expect(JSON.parse(line).text).toBe(`before ${left || '[redacted]'} after`)
})

it.each(['git@host.example:a/b.git', 'ssh://git@host.example/a.git', 'https://host.example/a@b', 'a bearer of news'])(
  '%s is left as it is',
  (text) => expect(JSON.parse(logged((log) => log.info({ text }, 'said'))).text).toBe(text),
)

it('a text that begins like many secrets and is none is looked through as fast as any other', () => {
  const text = `${'a:'.repeat(200_000)}${'://'.repeat(100_000)}${'-----BEGIN PRIVATE KEY-----'.repeat(2_000)}`
  // What takes the square of its length would still be at it when the test's time is over.
  expect(JSON.parse(logged((log) => log.info({ text }, 'said'))).text).toBe(text)
})

const hostile = '\u001b[2J\u009b31m\u202egnp.exe\nforged line'

it('a line of JSON is one line, with nothing that a terminal acts on', () => {
  const line = logged((log) => log.error({ error: new Error(hostile), text: hostile }, 'failed'))
  expect(line).toMatch(/^[^\n]*\n$/)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
  expect(line.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/)
  expect(JSON.parse(line).text).toBe(hostile)
})

it('a person reads plain lines: the time, the level, what happened, and of an error its stack', () => {
  const text = logged(
    (log) =>
      withLogContext({ requestId: 'a-request' }, () => log.error({ error: new Error('it broke') }, 'request failed')),
    { format: 'pretty' },
  )
  expect(text).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] ERROR: request failed\n/)
  expect(text).toContain('requestId: "a-request"')
  expect(text).toMatch(/Error: it broke\n\s+at /)
})

it('in such lines nobody forges a line or does anything to the terminal, and secrets are out as well', () => {
  const text = logged((log) => log.error({ error: new Error(hostile), text: `${hostile} ${canary}` }, 'failed'), {
    format: 'pretty',
  })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
  expect(text).not.toMatch(/^forged line/m)
  expect(text).not.toContain('canary')
})
