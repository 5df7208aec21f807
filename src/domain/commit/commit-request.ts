import type { ActorRow } from '../actor/actor.entity.ts'
import { withTrailers } from '../commit-message/commit-message.ts'
import type { CommitIntent, DiffRow } from '../diff/diff.entity.ts'

type StoredRequest = CommitIntent['request']

/** A commit but for its trailers. */
export type CommitDraft = StoredRequest

/** An actor as git names people; who has no address gets one that leads nowhere. */
export const identityOf = (actor: Pick<ActorRow, 'id' | 'name' | 'email'>) => ({
  name: actor.name,
  email: actor.email ?? `${actor.id}@countersign.invalid`,
})

/** Who a review is by, as a trailer names them: a rule by its name, never as a person. */
export const reviewerOf = ({ rule, reviewer }: { readonly rule: string | null; readonly reviewer: ActorRow }) => {
  const identity = identityOf(reviewer)
  return rule === null ? identity : { ...identity, name: `Auto-approve rule "${rule}"` }
}

/** What a diff is committed as, from stored values alone. */
export const draftCommit = (
  diff: DiffRow,
  author: ActorRow,
  committer: { readonly actor: ActorRow; readonly at: Date },
): CommitDraft => ({
  tree: diff.resultTree,
  parents: [diff.baseCommit],
  message: diff.commitMessage,
  author: { ...identityOf(author), at: diff.createdAt.toISOString() },
  committer: { ...identityOf(committer.actor), at: committer.at.toISOString() },
})

/** What the trailers of a commit say. */
export interface CommitTrailers {
  readonly diffId: string
  /** Whose approvals counted, rules among them; the same person's twice is once. */
  readonly reviewers: readonly { readonly name: string; readonly email: string }[]
  readonly evidenceHash: string
}

/** The commit with its trailers. */
export const requestOf = (draft: CommitDraft, { diffId, reviewers, evidenceHash }: CommitTrailers): StoredRequest => {
  const people = new Set(reviewers.map(({ name, email }) => `${name} <${email}>`))
  return { ...draft, message: withTrailers(draft.message, diffId, [...people], evidenceHash) }
}
