/** What a backup says of itself, in the file `manifest.json`. */

import { z } from 'zod'

/** Of the layout of files and of this manifest. A later one is not read. */
export const formatVersion = 1

export const manifestFile = 'manifest.json'

/** It is read whole. Some hundred bytes for each project: more than this is none of ours. */
export const maxManifestBytes = 64 * 1_048_576

export const tableFile = (table: string): string => `tables/${table}.copy`
export const packFile = (projectId: string): string => `repositories/${projectId}.pack`
export const refsFile = (projectId: string): string => `repositories/${projectId}.refs`
export const uploadFile = (projectId: string): string => `uploads/${projectId}.tar`
export const secretFile = (name: SecretName): string => `secrets/${name}`

/** The files of the data directory that hold secrets. */
export const secretNames = ['secret-key', 'signing-key', 'admin-token'] as const
export type SecretName = (typeof secretNames)[number]

/** Every name that a backup may have in it: they become paths. */
const path = z
  .string()
  .regex(
    /^(?:tables\/[a-z][a-z0-9_]{0,62}\.copy|repositories\/[0-9a-f-]{36}\.(?:pack|refs)|uploads\/[0-9a-f-]{36}\.tar|secrets\/[a-z-]{1,32})$/,
  )

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
export const identifier = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/)
const count = z.number().int().min(0)

const storedFile = z.object({ path, bytes: count, sha256 })
export type StoredFile = z.infer<typeof storedFile>

const repository = z.object({
  projectId: z.uuid(),
  objectFormat: z.enum(['SHA1', 'SHA256']),
  branch: z.string().min(1).max(1_024),
})

/** With a fingerprint a key is known again, and not found out. */
const key = z.object({ fingerprint: sha256.nullable(), isIncluded: z.boolean() })

export const manifestShape = z.object({
  format: z.literal(formatVersion),
  /** Of Countersign. */
  version: z.string(),
  /** When the rows were as they are in it. */
  at: z.iso.datetime(),
  migrations: z.array(z.string().regex(/^Migration\w+$/)).min(1),
  tables: z.array(z.object({ name: identifier, columns: z.array(identifier).min(1), rows: count })),
  sequences: z.array(z.object({ name: identifier, last: z.string().regex(/^\d{1,19}$/) })),
  repositories: z.array(repository),
  keys: z.object({ secretKey: key, signingKey: key }),
  files: z.array(storedFile),
})
export type Manifest = z.infer<typeof manifestShape>

/** What every format has, so that one that is not known can be named. */
export const anyManifestShape = z.object({ format: z.number().int().min(1), version: z.string().max(100) })
