import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createWebhookSender, type WebhookSenderOptions } from '../../src/adapters/webhooks/webhook-sender.ts'
import { readConfig } from '../../src/config.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { type Receiver, startReceiver, verified } from './receiver.ts'

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver()
})
afterAll(() => receiver[Symbol.asyncDispose]())
beforeEach(() => {
  receiver.received.length = 0
  receiver.reactions.length = 0
})

const fromConfig = (hosts: string | undefined, protocols?: string) => {
  const config = readConfig({ WEBHOOK_ALLOWED_HOSTS: hosts, WEBHOOK_ALLOWED_PROTOCOLS: protocols })
  return { allowedProtocols: config.webhookAllowedProtocols, allowedHosts: config.webhookAllowedHosts }
}

const senderOf = (options: Partial<WebhookSenderOptions>) =>
  createWebhookSender({
    ...fromConfig('127.0.0.1, Receiver.Example', 'https,http'),
    allowPrivateHosts: false,
    userAgent: 'Countersign/test',
    ...options,
  })

const send = (options: Partial<WebhookSenderOptions> = {}, url = receiver.url, signal = new AbortController().signal) =>
  senderOf(options).send({ url, secret, id: 'an-id', at: new Date(), body: '{"type":"Ünïcode"}' }, signal)

const onLoopback = (host: string): string => receiver.url.replace('127.0.0.1', host)

describe('a request', () => {
  it('is signed so that the library takes it, and says what it is', async () => {
    expect(await send()).toEqual({ kind: 'ACCEPTED' })
    const [request] = receiver.received
    if (!request) throw new Error('unreachable')
    expect(verified(secret, request)).toEqual({ type: 'Ünïcode' })
    expect(request.path).toBe('/hook?from=test')
    expect(request.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'Countersign/test',
      'webhook-id': 'an-id',
    })
    const other = `whsec_${Buffer.alloc(32, 8).toString('base64')}`
    expect(() => verified(other, request)).toThrow()
    expect(() => verified(secret, { ...request, body: `${request.body} ` })).toThrow()
    expect(() => verified(secret, { ...request, headers: { ...request.headers, 'webhook-id': 'x' } })).toThrow()
  })

  it.each([
    [200, 'ACCEPTED', undefined],
    [299, 'ACCEPTED', undefined],
    [400, 'FAILED', /answered with 400/],
    [410, 'GONE', /410/],
    [500, 'FAILED', /answered with 500/],
  ])('that is answered with %i is %s', async (status, kind, words) => {
    receiver.reactions.push(status)
    const answer = await send()
    expect(answer).toEqual(words ? { kind, error: expect.stringMatching(words) } : { kind })
  })

  it('is not sent on to where a redirect leads', async () => {
    receiver.reactions.push((response) => response.writeHead(307, { location: '/elsewhere' }).end())
    expect(await send()).toMatchObject({ kind: 'FAILED', error: expect.stringContaining('redirects are not followed') })
    expect(receiver.received.map(({ path }) => path)).toEqual(['/hook?from=test'])
  })

  it('fails within its time when there is no answer, and is over at once when it is broken off', async () => {
    const hang = () => undefined
    receiver.reactions.push(hang, hang)
    expect(await send({ timeoutMs: 50 })).toEqual({
      kind: 'FAILED',
      error: 'The receiver did not answer within 0.05 seconds.',
    })
    const controller = new AbortController()
    const sending = send({}, receiver.url, controller.signal)
    await receiver.arrived(2)
    controller.abort(new Error('not any more'))
    await expect(sending).rejects.toThrow('not any more')
  })

  it('takes no more of an answer than it needs, and shows none of it', async () => {
    let written = 0
    const closed = Promise.withResolvers<void>()
    receiver.reactions.push((response) => {
      response.writeHead(500)
      const chunk = Buffer.alloc(64 * 1024, 'secret ')
      const more = () => {
        written += chunk.length
        response.write(chunk, () => {
          if (!response.destroyed && written < 64 * 1024 * 1024) more()
        })
      }
      response.once('close', closed.resolve)
      more()
    })
    expect(await send()).toEqual({ kind: 'FAILED', error: 'The receiver answered with 500.' })
    await closed.promise
    expect(written).toBeLessThan(16 * 1024 * 1024)
  })

  it('that nobody takes, and one that is not answered in HTTP, fail in words of our own', async () => {
    receiver.reactions.push((response) => response.socket?.end('\x1b[31msecret\r\n\r\n'))
    expect(await send()).toEqual({
      kind: 'FAILED',
      error: expect.stringMatching(/^The receiver could not be reached \(HPE_\w+\)\.$/),
    })
    receiver.reactions.push((response) => response.socket?.destroy())
    expect(await send()).toMatchObject({ error: 'The receiver could not be reached (ECONNRESET).' })
    await using gone = await startReceiver()
    await gone[Symbol.asyncDispose]()
    expect(await send({}, gone.url)).toMatchObject({ error: 'The receiver could not be reached (ECONNREFUSED).' })
    const secure = receiver.url.replace('http:', 'https:')
    expect(await send({}, secure)).toMatchObject({ error: expect.stringMatching(/reached \(\w*SSL\w*|EPROTO\)/) })
  })
})

const run = promisify(execFile)
const openssl = 'openssl'
const hasOpenssl = spawnSync(openssl, ['version']).status === 0

it.skipIf(!hasOpenssl)(
  'over https the certificate has to be of the host, and of one that is trusted (needs openssl)',
  async () => {
    await using directory = await temporaryDirectory()
    const [key, cert] = [join(directory.path, 'key.pem'), join(directory.path, 'cert.pem')]
    const name = ['-subj', '/CN=receiver.example', '-addext', 'subjectAltName=DNS:receiver.example']
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    await run(openssl, [...made, ...name, '-keyout', key, '-out', cert])
    const pem = await readFile(cert, 'utf8')
    const server = createServer({ key: await readFile(key), cert: pem }, (_request, response) => response.end())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const lookUp = async () => ['127.0.0.1']
    const post = (host: string) =>
      send(
        { allowedHosts: null, allowPrivateHosts: true, lookUp },
        `https://${host}:${(server.address() as AddressInfo).port}/`,
      )
    const trusted = getCACertificates()
    try {
      expect(await post('receiver.example')).toMatchObject({ error: expect.stringContaining('SELF_SIGNED') })
      setDefaultCACertificates([...trusted, pem])
      expect(await post('receiver.example')).toEqual({ kind: 'ACCEPTED' })
      expect(await post('other.example')).toMatchObject({ error: expect.stringContaining('ALTNAME_INVALID') })
    } finally {
      setDefaultCACertificates(trusted)
      server.close()
    }
  },
)

describe('a host', () => {
  it('is looked up once, and the connection is made to what was found', async () => {
    const asked: string[] = []
    const lookUp = async (host: string) => {
      asked.push(host)
      return asked.length === 1 ? ['127.0.0.1'] : ['203.0.113.1']
    }
    expect(await send({ lookUp }, onLoopback('receiver.example'))).toEqual({ kind: 'ACCEPTED' })
    expect(asked).toEqual(['receiver.example'])
    expect(receiver.received[0]?.headers.host).toMatch(/^receiver\.example:/)
  })

  it.each([
    ['127.0.0.1'],
    ['10.0.0.7'],
    ['172.16.0.1'],
    ['192.168.1.1'],
    ['100.64.0.1'],
    ['169.254.169.254'],
    ['0.0.0.0'],
    ['255.255.255.255'],
    ['::1'],
    ['::'],
    ['::ffff:127.0.0.1'],
    ['::ffff:a9fe:a9fe'],
    ['::ffff:0:127.0.0.1'],
    ['64:ff9b::7f00:1'],
    ['64:ff9b:1::1'],
    ['2002:7f00:1::'],
    ['2001:0:7f00:1::'],
    ['fd00:ec2::254'],
    ['fe80::1'],
    ['fe80::1%lo'],
    ['fec0::1'],
    ['93.184.216.34', '127.0.0.1'],
  ])('whose name leads to %s %s is refused before anything is sent', async (...addresses) => {
    const options = { ...fromConfig(undefined, 'http'), lookUp: async () => addresses }
    expect(await send(options, onLoopback('receiver.example'))).toEqual({
      kind: 'FAILED',
      error: 'The URL cannot be used: the host receiver.example is not in a public network.',
    })
    expect(receiver.received).toEqual([])
  })

  it('that is not found, or whose name nobody answers for in time, fails', async () => {
    const notFound = async () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }))
    expect(await send({ lookUp: notFound }, onLoopback('receiver.example'))).toMatchObject({
      error: 'The URL cannot be used: the host receiver.example cannot be found (ENOTFOUND).',
    })
    const never = () => new Promise<never>(() => {})
    expect(await send({ lookUp: never, timeoutMs: 20 }, onLoopback('receiver.example'))).toMatchObject({
      error: expect.stringContaining('did not answer within'),
    })
  })

  it('that configuration no longer allows is not sent to, although it was when the webhook was made', async () => {
    expect(await send(fromConfig('other.example', 'http'))).toMatchObject({ kind: 'FAILED' })
    expect(receiver.received).toEqual([])
  })
})

it.each([
  ['https://receiver.example/hook?a=b', undefined, null],
  ['https://Receiver.Example:8443/', undefined, null],
  ['http://receiver.example/', undefined, 'the protocol "http" is not allowed (allowed: https)'],
  ['ftp://receiver.example/', undefined, 'the protocol "ftp" is not allowed (allowed: https)'],
  ['https://me@receiver.example/', undefined, 'it carries credentials, and requests are signed'],
  ['https://me:secret@receiver.example/', undefined, 'it carries credentials, and requests are signed'],
  ['https://receiver.example/#', undefined, 'it has a fragment, which is never sent'],
  ['https://receiver.example/ x', undefined, 'it has blanks, control characters or backslashes'],
  ['https://receiver.example\\@127.0.0.1/', undefined, 'it has blanks, control characters or backslashes'],
  ['https://127.1/', undefined, 'the host 127.0.0.1 is not in a public network'],
  ['https://0x7f000001/', undefined, 'the host 127.0.0.1 is not in a public network'],
  ['https://[::ffff:10.0.0.1]/', undefined, 'the host ::ffff:a00:1 is not in a public network'],
  ['https://api.localhost/', undefined, 'the host api.localhost is not in a public network'],
  ['https://api.localhost/', 'api.localhost', null],
  ['https://receiver.example/', 'other.example', 'the host receiver.example is not allowed'],
  ['https://receiver.example./', undefined, 'its host is no valid name'],
  ['receiver.example', undefined, 'it is no URL like https://host/path'],
  ['https://', undefined, 'it is no URL like https://host/path'],
  ['', undefined, 'it is no URL like https://host/path'],
  [`https://receiver.example/${'x'.repeat(2_000)}`, undefined, 'it has more than 2000 characters'],
])('what speaks against the URL %s where %s is allowed: %s', (url, hosts, fault) => {
  expect(senderOf(fromConfig(hosts)).urlFault(url)).toBe(fault)
})
