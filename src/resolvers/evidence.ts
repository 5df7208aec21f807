import type { Signer } from '../domain/ports/signer.ts'
import { builder } from '../schema/builder.ts'

const SigningKeyRef = builder.objectRef<Signer>('SigningKey').implement({
  description: 'The key with which this server signs the evidence of commits.',
  fields: (t) => ({
    keyId: t.exposeString('keyId', { description: 'SHA-256 of the public key: `countersign verify --key` takes it.' }),
    publicKey: t.string({
      description: 'Ed25519, in PEM.',
      resolve: ({ publicKey }) => {
        const lines = publicKey.toString('base64').match(/.{1,64}/g) ?? []
        return ['-----BEGIN PUBLIC KEY-----', ...lines, '-----END PUBLIC KEY-----', ''].join('\n')
      },
    }),
  }),
})

builder.queryField('signingKey', (t) =>
  t.field({ type: SigningKeyRef, resolve: (_root, _args, { services }) => services.signer }),
)
