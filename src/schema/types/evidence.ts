import type { FoundEvidence } from '../../domain/evidence/read-evidence.ts'
import { builder } from '../builder.ts'
import { longText } from '../weight.ts'

export const EvidenceRef = builder.objectRef<FoundEvidence>('Evidence').implement({
  description:
    "What a commit rests on, signed by the server's key and kept in git notes (refs/notes/countersign), so that the repository alone can prove it.",
  fields: (t) => ({
    payload: t.field({
      type: 'JSON',
      description: 'The in-toto statement; an empty object where the note is gone or cannot be read.',
      extensions: longText,
      resolve: ({ payload }) => payload,
    }),
    signature: t.exposeString('signature', { description: 'Of the DSSE envelope, Ed25519, in base64.' }),
    keyId: t.exposeString('keyId', { description: 'SHA-256 of the public key that is named as the signer.' }),
    valid: t.exposeBoolean('valid', {
      description:
        "Checked now: signed with this server's key, the very bytes that the commit's trailer names, of this commit and its trees, and enough for the policy that it states.",
    }),
  }),
})
