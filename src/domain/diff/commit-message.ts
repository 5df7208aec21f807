import { prose } from '../shared/validate.ts'

/** Trailers that only the server writes: in a message they could forge a review. */
const ownTrailers = /^\s*(countersign-[a-z-]*|reviewed-by)\s*:/im

/** A commit message from outside. */
export const commitMessage = prose(20_000).refine(
  (message) => !ownTrailers.test(message),
  'must not contain the trailers Countersign-* or Reviewed-by: the server appends them',
)

const maxSubject = 72

/** A model's summary as a commit message: the first line as the subject, cut to 72 characters. */
export const messageFromSummary = (summary: string, fallback: string): string => {
  const lines = summary
    .trim()
    .split('\n')
    .filter((line) => !ownTrailers.test(line))
  const first = (lines[0] ?? '').replace(/^#+\s*|[*_`]/g, '').trim() || fallback
  const subject = first.length > maxSubject ? `${first.slice(0, maxSubject - 1)}…` : first
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
