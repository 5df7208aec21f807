/** Takes secrets out of text that leaves the process: a line of the log, content in a trace. */
export type Redact = (text: string) => string

const mark = '[redacted]'

/**
 * What looks like a secret, whoever it belongs to. Each form is bounded, and ends before quotes and backslashes, so that
 * JSON stays JSON.
 */
const forms: readonly (readonly [RegExp, string])[] = [
  // Of this server: tokens and the secrets of webhooks.
  [/\b(?:csk_|whsec_)[\w+/=-]{16,200}/g, mark],
  // Of providers and of servers that keep repositories.
  [/\b(?:sk-|gh[oprsu]_|github_pat_|glpat-|xox[abprs]-)[\w-]{16,300}/g, mark],
  // A name and password, or a token, in a URL; `git@` alone says nothing.
  [/:\/\/(?!git@)[^\s/?#"'\\@]{1,1000}@/g, `://${mark}@`],
  [/\b(Bearer|Basic) +[\w.~+/=-]{8,2000}/gi, `$1 ${mark}`],
  [/([?&](?:access_token|api_?key|key|password|secret|sig|signature|token)=)[^\s&#"'\\]{1,2000}/gi, `$1${mark}`],
  [/-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^"]{0,8192}?-----END [A-Z ]{0,30}PRIVATE KEY-----/g, mark],
]

// A word that stands in every other line would hide more than it protects.
const shortestSecret = 8

/** A secret as it may stand in a text: as it is, in JSON, in a URL. */
const spellings = (secret: string): string[] => [
  secret,
  JSON.stringify(secret).slice(1, -1),
  encodeURIComponent(secret),
]

/**
 * What takes out the given secrets, in whatever surroundings, and what has the form of one.
 * @param secrets of these, those with fewer than 8 characters are left to the forms
 */
export const redactor = (secrets: readonly string[]): Redact => {
  const known = [...new Set(secrets.filter(({ length }) => length >= shortestSecret).flatMap(spellings))]
    // One may begin with another.
    .toSorted((a, b) => b.length - a.length)
    .map((secret) => RegExp.escape(secret))
  const verbatim = known.length === 0 ? null : new RegExp(known.join('|'), 'g')
  return (text) => {
    const rest = verbatim === null ? text : text.replace(verbatim, mark)
    return forms.reduce((left, [form, replacement]) => left.replace(form, replacement), rest)
  }
}
