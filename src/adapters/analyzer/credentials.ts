import { sha256 } from '../../domain/shared/canonical-hash.ts'

/** A credential in a text. */
export interface FoundCredential {
  readonly kind: string
  readonly fingerprint: string
  /** In UTF-16 units; the secret's own place, without what introduces it. */
  readonly offset: number
  readonly secret: string
}

interface CredentialShape {
  /** For people, with its article. */
  readonly kind: string
  /** The group `secret` is what must stay secret. Every repetition is bounded or ends at the line's end. */
  readonly pattern: RegExp
  /** Refuses what has the shape and is none. */
  readonly isReal?: (secret: string, match: RegExpExecArray) => boolean
}

const boundary = '(?<![A-Za-z0-9_-])'
const end = '(?![A-Za-z0-9_-])'

function token(kind: string, shape: string): CredentialShape {
  return { kind, pattern: new RegExp(`${boundary}(?<secret>${shape})${end}`, 'dg') }
}

/** What credentials look like: exact prefixes and lengths, so that a text which merely talks about them is none. */
const shapes: readonly CredentialShape[] = [
  token('an AWS access key', '(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}'),
  {
    kind: 'an AWS secret key',
    pattern: /aws.{0,20}?(?:secret|private).{0,20}?[=:]\s{0,5}["']?(?<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/dgi,
  },
  token('a Google API key', 'AIza[A-Za-z0-9_-]{35}'),
  token('a Google OAuth secret', 'GOCSPX-[A-Za-z0-9_-]{28}'),
  { kind: 'an Azure storage key', pattern: /AccountKey=(?<secret>[A-Za-z0-9+/]{86}==)/g },
  token('an Azure client secret', '[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}'),
  token('a GitHub token', 'gh[pousr]_[A-Za-z0-9]{36,251}'),
  token('a GitHub token', 'github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}'),
  token('a GitLab token', 'gl(?:pat|dt|rt|ptt|cbt|soat|ft)-[A-Za-z0-9_-]{20,200}'),
  token('a Slack token', 'xox[abeoprs]-[0-9]{8,15}-[A-Za-z0-9-]{12,200}'),
  token('a Slack token', 'xapp-[0-9]-[A-Z0-9]{8,15}-[0-9]{8,15}-[a-f0-9]{32,100}'),
  {
    kind: 'a Slack webhook',
    pattern:
      /hooks\.slack\.com\/services\/(?<secret>T[A-Z0-9]{7,12}\/B[A-Z0-9]{7,12}\/[A-Za-z0-9]{24})(?![A-Za-z0-9])/dg,
  },
  token('a Stripe key', '(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{24,247}'),
  token('a webhook secret', 'whsec_[A-Za-z0-9+/=]{32,80}'),
  token('an OpenAI key', 'sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,250}'),
  token('an OpenAI key', 'sk-[A-Za-z0-9]{48}'),
  token('an Anthropic key', 'sk-ant-[a-z]{3,8}[0-9]{2}-[A-Za-z0-9_-]{80,150}'),
  token('an npm token', 'npm_[A-Za-z0-9]{36}'),
  {
    kind: 'an npm token',
    pattern:
      /^[^\n]{0,200}?:_(?:authToken|auth|password)[ \t]{0,5}=[ \t]{0,5}["']?(?<secret>[A-Za-z0-9+/=_-]{16,300})["']?[ \t]*$/dgm,
  },
  token('a PyPI token', 'pypi-AgE[A-Za-z0-9_-]{60,300}'),
  token('a Hugging Face token', 'hf_[A-Za-z]{34}'),
  token('a SendGrid key', 'SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}'),
  token('a DigitalOcean token', 'do[opr]_v1_[a-f0-9]{64}'),
  token('a Shopify token', 'shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}'),
  token('a Databricks token', 'dapi[a-f0-9]{32}'),
  token('a Vault token', 'hv[sbr]\\.[A-Za-z0-9_-]{90,300}'),
  token('an age key', 'AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}'),
  {
    kind: 'a private key',
    pattern:
      /-----BEGIN (?:(?:RSA|EC|DSA|OPENSSH|ENCRYPTED|PGP) )?PRIVATE KEY(?: BLOCK)?-----(?<secret>(?:\s|\\[nr]|["'+,]|[A-Za-z-]{3,12}: [^\n]{1,80}\n){0,20}[A-Za-z0-9+/]{40}[A-Za-z0-9+/=\s\\"',]{0,20000})/dg,
  },
  {
    kind: 'a JSON web token',
    pattern: new RegExp(
      `${boundary}(?<secret>eyJ[A-Za-z0-9_-]{10,2000}\\.eyJ[A-Za-z0-9_-]{8,8000}\\.[A-Za-z0-9_-]{20,1000})`,
      'dg',
    ),
    isReal: (secret) => hasAlgorithm(secret),
  },
  {
    kind: 'a password in a URL',
    pattern:
      /(?<=[a-z0-9]):\/\/(?<user>[^\s/:@"'`<>{}$%]{0,100}):(?<secret>[^\s/:@"'`<>{}$*]{6,200})@(?<host>[A-Za-z0-9.[-]{1,100})/dg,
    isReal: (secret, { groups }) => isPassword(secret, groups?.user ?? '', groups?.host ?? ''),
  },
]

const prefixes =
  /^(?:AKIA|ASIA|ABIA|ACCA|AIza|GOCSPX-|github_pat_|gh[pousr]_|gl[a-z]+-|xox.-|xapp-|[sr]k_(?:live|test)_|whsec_|sk-(?:ant|proj|svcacct|admin)-|sk-|npm_|pypi-|hf_|SG\.|do[opr]_v1_|shp.._|dapi|hv.\.)/
const placeholders =
  /example|placeholder|dummy|changeme|redacted|your[-_]|(.)\1{5}|0123456789|123456789|abcdefgh|ABCDEFGH/i
/** Of the published examples, the one that everybody pastes. */
const samples = ['SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c']

/** Credentials by their shape, in order; of two at one place the first shape's. */
export function findCredentials(text: string): readonly FoundCredential[] {
  const found: FoundCredential[] = []
  for (const { kind, pattern, isReal } of shapes) {
    for (const match of text.matchAll(pattern)) {
      const secret = match.groups?.secret ?? ''
      if (!isVaried(secret) || isReal?.(secret, match) === false) continue
      const [offset = match.index] = match.indices?.groups?.secret ?? []
      found.push({ kind, secret, offset, fingerprint: sha256(`${kind}\0${secret}`).slice(0, 16) })
    }
  }
  found.sort((a, b) => a.offset - b.offset)
  return found.filter((credential, index) => {
    const previous = found[index - 1]
    return previous === undefined || credential.offset >= previous.offset + previous.secret.length
  })
}

/** The text with every credential's letters replaced; lines and offsets stay what they are. */
export function maskCredentials(text: string, credentials: readonly FoundCredential[]): string {
  let shown = ''
  let from = 0
  for (const { offset, secret } of credentials) {
    shown += text.slice(from, offset) + secret.replace(/[^\r\n]/g, '*')
    from = offset + secret.length
  }
  return shown + text.slice(from)
}

/** Random text has many different characters; a placeholder repeats itself or says what it is. */
function isVaried(secret: string): boolean {
  if (placeholders.test(secret) || samples.some((sample) => secret.includes(sample))) return false
  const body = secret.replace(prefixes, '').slice(0, 200)
  return body.length < 16 || entropy(body) >= 2.8
}

/** Bits a character. */
function entropy(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  return [...counts.values()].reduce((sum, count) => sum - (count / text.length) * Math.log2(count / text.length), 0)
}

function hasAlgorithm(webToken: string): boolean {
  try {
    const header: unknown = JSON.parse(Buffer.from(webToken.split('.')[0] ?? '', 'base64url').toString())
    return typeof header === 'object' && header !== null && 'alg' in header
  } catch {
    return false
  }
}

const weakPasswords =
  /^(?:pass(?:word|wd|phrase)?|secret|token|credentials?|admin|root|test(?:ing)?|user(?:name)?|postgres|mysql|redis|rabbit(?:mq)?|guest|local|dev(?:elopment)?|my[-_]?(?:password|secret)|x{3,}|y{3,}|hunter2|letmein|qwerty)\d{0,4}$/i

function isPassword(secret: string, user: string, host: string): boolean {
  if (secret === user || weakPasswords.test(secret)) return false
  if (/^(?:.*\.)?example(?:\.|$)|^(?:host(?:name)?|server|domain)$|\.(?:invalid|test)$/i.test(host)) return false
  // Words in capitals and formats are to be filled in: `PASSWORD`, `%s`, `%(password)s`.
  return !/^[A-Z_]+$|^%\(?\w*\)?s?$/.test(secret) && new Set(secret).size >= 5
}
