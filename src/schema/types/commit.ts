import { builder } from '../builder.ts'
import { CommitRef, DiffRef } from '../refs.ts'
import { EvidenceRef } from './evidence.ts'

builder.objectType(CommitRef, {
  description: 'A commit of the repository.',
  fields: (t) => ({
    oid: t.exposeString('oid'),
    message: t.exposeString('message'),
    authorName: t.exposeString('authorName'),
    authoredAt: t.field({ type: 'DateTime', resolve: (commit) => commit.authoredAt }),
    parents: t.stringList({ resolve: (commit) => [...commit.parents] }),
    diff: t.field({
      type: DiffRef,
      nullable: true,
      description: 'The diff that it came from; null for a commit from outside.',
      resolve: async (commit, _, { load }) =>
        (await load.diffByCommit.load(commit.oid)).find((diff) => diff.projectId === commit.projectId) ?? null,
    }),
    evidence: t.field({
      type: EvidenceRef,
      nullable: true,
      description: 'Null for a commit that names none: one from outside.',
      resolve: (commit, _, { load }) => load.evidence.load(commit),
    }),
  }),
})
