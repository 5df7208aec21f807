import { z } from 'zod'
import { readableText } from '../shared/readable-text.ts'
import { prose } from '../shared/validate.ts'
import { isReserved, linesOf } from './own-trailers.ts'

// Terminals obey them, and some turn a line round: what a reviewer reads has to be what is there.
const unreadable = /[\u0080-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/

/** A commit message from outside; its lines end as git's do. */
export const commitMessage = z
  .string()
  .transform((message) => message.replaceAll(/\r\n?/g, '\n'))
  .pipe(
    prose(20_000)
      .refine((message) => !unreadable.test(message), 'must not contain control characters')
      .refine(
        (message) => !linesOf(message).some(isReserved),
        'must not contain the trailers Countersign-* or Reviewed-by, or what looks like them, nor a line "---": the server appends the trailers',
      ),
  )

const maxSubject = 72

const ownLines = (text: string): string => {
  const readable = readableText(text).replaceAll(/[\u2028\u2029]/g, '\n')
  return linesOf(readable)
    .filter((line) => !isReserved(line))
    .join('\n')
    .trim()
}

const emphasis = /(?<!\S)(\*\*|\*)(?=\S)(.+?)(?<=\S)\1(?=[\s.,:;!?]|$)/g

/** A line without Markdown's marks, but with the stars and underscores of names; nothing where it is ours without them. */
const plainLine = (line = ''): string => {
  const letters = line.replace(/^#+\s*|[*_`]/g, '').trim()
  if (letters === '' || isReserved(letters)) return ''
  return line
    .replace(/^#+\s+/, '')
    .replaceAll('`', '')
    .replaceAll(emphasis, '$2')
    .trim()
}

/** A model's summary as a commit message: the first line as the subject, cut to 72 characters. */
export const messageFromSummary = (summary: string, fallback: string): string => {
  const lines = linesOf(ownLines(summary))
  const first = plainLine(lines[0]) || plainLine(linesOf(ownLines(fallback))[0]) || 'Change without a message'
  const subject = first.length > maxSubject ? `${first.slice(0, maxSubject - 1).toWellFormed()}…` : first
  const rest = lines.slice(1).join('\n').trim()
  return rest ? `${subject}\n\n${rest}` : subject
}

/**
 * The message as it is committed: with the server's trailers.
 * @param evidenceHash SHA-256 of the commit's evidence
 */
export const withTrailers = (
  message: string,
  diffId: string,
  reviewers: readonly string[],
  evidenceHash: string,
): string =>
  [
    message.trimEnd(),
    '',
    `Countersign-Diff: ${diffId}`,
    ...reviewers.map((reviewer) => `Reviewed-by: ${reviewer}`),
    `Countersign-Evidence: sha256:${evidenceHash}`,
    '',
  ].join('\n')

/** The hash that a commit's message names its evidence by; null when it names none, or more than one. */
export const evidenceHashOf = (message: string): string | null => {
  const trailers = message.trimEnd().split('\n\n').at(-1) ?? ''
  const named = [...trailers.matchAll(/^Countersign-Evidence: sha256:([0-9a-f]{64})$/gm)]
  return named.length === 1 ? (named[0]?.[1] ?? null) : null
}

/** As git words it; the subject alone, since the rest speaks of another commit. */
export const revertMessage = (message: string, oid: string): string => {
  const subject = message.trim().split('\n', 1)[0] ?? ''
  return `Revert "${subject}"\n\nThis reverts commit ${oid}.`
}
