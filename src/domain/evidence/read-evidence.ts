import { evidenceHashOf } from '../commit-message/commit-message.ts'
import type { CommitInfo } from '../ports/git-store.ts'
import type { Services } from '../shared/services.ts'
import { payloadOf } from './envelope.ts'
import { verifyEvidence } from './verify-evidence.ts'

/** A commit and whose it is. */
export interface CommitOfProject extends CommitInfo {
  readonly projectId: string
}

/** Evidence as it is beside a commit now. */
export interface FoundEvidence {
  /** The statement; whatever is signed where it is none, and an empty object where nothing can be read. */
  readonly payload: unknown
  /** In base64. */
  readonly signature: string
  readonly keyId: string
  /** Checked when it was read: this server's key, the commit's trailer, the commit and its trees, the policy. */
  readonly valid: boolean
}

/**
 * The evidence of several commits, in their order; null for a commit that names none. The notes of a project are looked
 * up once for all of its commits.
 */
export const readEvidence = async (
  services: Pick<Services, 'git' | 'signer'>,
  commits: readonly CommitOfProject[],
): Promise<readonly (FoundEvidence | null)[]> => {
  const found = new Map<CommitOfProject, FoundEvidence>()
  const named = commits.filter(({ message }) => evidenceHashOf(message) !== null)
  for (const [projectId, ofProject] of Map.groupBy(named, (commit) => commit.projectId)) {
    const source = await services.git.evidenceSource(projectId)
    const notes = await source.notes(ofProject.map(({ oid }) => oid))
    await Promise.all(
      ofProject.map(async (commit, index) => {
        const note = notes[index] ?? null
        const { keyId } = services.signer
        const { faults, envelope } = await verifyEvidence(source, commit, note, keyId, { contents: false })
        found.set(commit, {
          payload: (envelope && payloadOf(envelope)) ?? {},
          signature: envelope?.signature.toString('base64') ?? '',
          keyId: envelope?.keyId ?? '',
          valid: faults.length === 0,
        })
      }),
    )
  }
  return commits.map((commit) => found.get(commit) ?? null)
}
