import { createHash } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import { findCredentials, maskCredentials } from '../../src/adapters/analyzer/credentials.ts'
import { createEvaluator } from './evaluate.ts'

const evaluator = createEvaluator()
afterAll(() => evaluator[Symbol.asyncDispose]())

const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const letters = upper + upper.toLowerCase()
const digits = '0123456789'
const alphabets = { base32: `${upper}234567`, hex: `${digits}abcdef`, alnum: letters + digits, letters, digits, upper }

/** Text that looks random and is always the same: no secret of anybody's, and none that is written in this file. */
function noise(length: number, alphabet: keyof typeof alphabets = 'alnum', seed = 'seed'): string {
  const source = alphabets[alphabet]
  let text = ''
  for (let block = 0; text.length < length; block += 1) {
    for (const byte of createHash('sha256').update(`${seed} ${alphabet} ${block}`).digest()) {
      text += source[byte % source.length]
    }
  }
  return text.slice(0, length)
}

const dashes = '-'.repeat(5)
const block = (kind: string, body: string) => `${dashes}BEGIN ${kind}${dashes}\n${body}\n${dashes}END ${kind}${dashes}`
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Kind, how it stands in a file, and what of it must be shown nowhere. */
const credentials: readonly (readonly [kind: string, text: string, secret: string])[] = [
  ...(
    [
      ['an AWS access key', `AKIA${noise(16, 'base32')}`],
      ['an AWS access key', `ASIA${noise(16, 'base32')}`],
      ['a Google API key', `AIza${noise(35)}`],
      ['a Google OAuth secret', `GOCSPX-${noise(28)}`],
      ['an Azure client secret', `aB38Q~${noise(34)}`],
      ['a GitHub token', `ghp_${noise(36)}`],
      ['a GitHub token', `ghs_${noise(36)}`],
      ['a GitHub token', `github_pat_${noise(22)}_${noise(59)}`],
      ['a GitLab token', `glpat-${noise(20)}`],
      ['a Slack token', `xoxb-${noise(12, 'digits')}-${noise(12, 'digits')}-${noise(24)}`],
      ['a Stripe key', `sk_live_${noise(24)}`],
      ['a Stripe key', `rk_live_${noise(99)}`],
      ['an OpenAI key', `sk-proj-${noise(74)}`],
      ['an OpenAI key', `sk-${noise(48)}`],
      ['an Anthropic key', `sk-ant-api03-${noise(93)}AA`],
      ['an npm token', `npm_${noise(36)}`],
      ['a PyPI token', `pypi-AgEIcHlwaS5vcmc${noise(120)}`],
      ['a Hugging Face token', `hf_${noise(34, 'letters')}`],
      ['a SendGrid key', `SG.${noise(22)}.${noise(43)}`],
      ['a DigitalOcean token', `dop_v1_${noise(64, 'hex')}`],
      ['a JSON web token', `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded({ sub: 'ada' })}.${noise(43)}`],
    ] as const
  ).map(([kind, secret]) => [kind, `token = "${secret}"`, secret] as const),
  ['an AWS secret key', `aws_secret_access_key = ${noise(40)}`, noise(40)],
  ['an Azure storage key', `AccountName=a;AccountKey=${noise(86)}==;`, noise(86)],
  [
    'a Slack webhook',
    `https://hooks.slack.com/services/T${noise(8, 'upper')}/B${noise(8, 'upper')}/${noise(24)}`,
    noise(24),
  ],
  ['an npm token', `//registry.npmjs.org/:_authToken=${noise(36)}`, noise(36)],
  ['a password in a URL', `postgres://app:${noise(14)}@db.internal:5432/app`, noise(14)],
  ['a password in a URL', `https://ci:${noise(20)}@git.company.io/team/repo.git`, noise(20)],
  ['a private key', block('RSA PRIVATE KEY', noise(64)), noise(64)],
  ['a private key', block('OPENSSH PRIVATE KEY', `${noise(70)}\n${noise(70, 'alnum', 'b')}`), noise(70, 'alnum', 'b')],
  ['a private key', JSON.stringify({ private_key: block('PRIVATE KEY', noise(64)) }), noise(64)],
]

const placeholders: readonly (readonly [what: string, text: string])[] = [
  ['the key of the documentation', `AKIA${'IOSFODNN7'}EXAMPLE`],
  ['a key of crosses', `sk-${'x'.repeat(48)}`],
  ['a short key', 'sk-test'],
  ['a prefix alone', `ghp_ AKIA sk_live_ ${dashes}BEGIN PRIVATE KEY${dashes}`],
  ['a key of one letter', `ghp_${'0'.repeat(36)}`],
  ['a count', `ghp_0123456789${noise(26)}`],
  [
    'a published example',
    `${encoded({ alg: 'HS256' })}.${encoded({ sub: '1234567890' })}.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c`,
  ],
  ['three words with dots', `eyJhbGciOiJ.eyJzdWIiOiI.${noise(24)}`],
  ['a name in a URL', 'https://user@example.com/x'],
  ['a password to fill in', 'postgres://user:password@localhost/db postgres://postgres:postgres@db/app'],
  ['a variable', `postgres://app:\${DB_PASSWORD}@db/app postgres://app:$DB_PASSWORD@db/app http://a:%s@host/`],
  ['an example host', `https://me:${noise(12)}@example.com/`],
  ['a port', 'http://localhost:4000/a@b http://127.0.0.1:54321/@scope/package'],
  ['a hash', `${noise(40, 'hex')} sha512-${noise(86)}==`],
  ['a public key', block('PUBLIC KEY', noise(64))],
  ['a variable of npm', `//registry.npmjs.org/:_authToken=\${NPM_TOKEN}`],
  ['a word with a prefix in it', `task-${noise(48)} risk_live_${noise(24)}`],
]

describe('a credential', () => {
  it.each(credentials)('that is %s is reported by kind and line', async (kind, text, secret) => {
    const { warnings } = await evaluator.evaluate({ 'notes.txt': { before: 'x\n', after: `x\n${text}\n` } })
    expect(warnings.map(({ code, line, message }) => [code, line, message.includes(kind)])).toEqual([
      ['CREDENTIAL', 2, true],
    ])
    expect(JSON.stringify(warnings)).not.toContain(secret.slice(0, 12))
  })

  it.each(placeholders)('is not %s', (_, text) => {
    expect(findCredentials(text)).toEqual([])
  })

  it('is none when the file, or another file of the change, had it before', async () => {
    const secret = `ghp_${noise(36)}`
    const { warnings } = await evaluator.evaluate({
      'a.txt': { before: `${secret}\n`, after: `x\n${secret}\n` },
      'b.txt': { before: 'x\n', after: `y\n${secret}\n` },
    })
    expect(warnings).toEqual([])
  })

  it('is one when it takes the place of another', async () => {
    const { warnings } = await evaluator.evaluate({
      'a.txt': { before: `ghp_${noise(36)}\n`, after: `ghp_${noise(36, 'alnum', 'other')}\n` },
    })
    expect(warnings.map(({ code, line }) => [code, line])).toEqual([['CREDENTIAL', 1]])
  })

  it.each([
    ['a use of a capability', (secret: string) => `import os\nos.system("curl -H ${secret}")\n`],
    ['a fault of syntax', (secret: string) => `x = 1\ny = = "${secret}"\n`],
    ['a name that is computed', (secret: string) => `import os\ngetattr(os, "exec" + "${secret}")()\n`],
    ['a long line', (secret: string) => `import os\nos.system("${'a'.repeat(120)}" + "${secret}")\n`],
  ])('is masked in what is said about %s on its line', async (_, source) => {
    const secret = `sk_live_${noise(99)}`
    const report = await evaluator.evaluate({ 'a.py': { after: source(secret) } })
    expect(report.warnings.map(({ code }) => code)).toContain('CREDENTIAL')
    const words = JSON.stringify(report)
    expect(words).toContain('**')
    for (let at = 0; at + 12 <= secret.length; at += 1) expect(words).not.toContain(secret.slice(at, at + 12))
  })

  it('is masked without moving anything', () => {
    const text = `é ${block('PRIVATE KEY', `${noise(64)}\n${noise(64)}`)}\nAKIA${noise(16, 'base32')} end`
    const masked = maskCredentials(text, findCredentials(text))
    expect(masked).toHaveLength(text.length)
    expect(masked.split('\n').map(({ length }) => length)).toEqual(text.split('\n').map(({ length }) => length))
    expect(masked).not.toMatch(new RegExp(noise(64).slice(0, 12)))
    expect(masked).toMatch(/^é -----BEGIN PRIVATE KEY-----\n\*+\n\*+\n-----END PRIVATE KEY-----\n\*+ end$/)
  })
})
