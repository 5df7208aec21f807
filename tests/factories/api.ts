import { readdir } from 'node:fs/promises'
import { getNamedType, isObjectType, isUnionType } from 'graphql'
import { sql } from 'kysely'
import { rows } from '../../src/domain/shared/database.ts'
import { schema } from '../../src/schema/index.ts'
import type { TestServer } from '../support/server.ts'

/** What a mutation answered: its object's id, or the error with all that its type has. */
export interface MutationAnswer {
  readonly __typename: string
  readonly id?: string
  readonly code?: string
  readonly message?: string
  readonly fieldErrors?: readonly { readonly path: readonly string[]; readonly message: string }[]
  readonly requiredRole?: string | null
  readonly retryAfterSeconds?: number | null
  readonly from?: string
  readonly to?: string
  readonly secret?: string
}

const selections: Readonly<Record<string, string>> = {
  ValidationError: 'fieldErrors { path message }',
  ForbiddenError: 'requiredRole',
  CapacityError: 'retryAfterSeconds',
  InvalidTransitionError: 'from to',
  IssuedApiToken: 'secret token { id }',
}

/** Every mutation that the schema has. */
export const mutationNames = (): string[] => Object.keys(schema.getMutationType()?.getFields() ?? {}).sort()

/** The mutations whose input takes a clientMutationId. */
export const idempotentMutations = (): string[] =>
  Object.values(schema.getMutationType()?.getFields() ?? {})
    .filter(({ args }) => args.some(({ type }) => String(inputFields(type)).includes('clientMutationId')))
    .map(({ name }) => name)
    .sort()

const inputFields = (type: unknown): string[] => {
  const named = getNamedType(type as Parameters<typeof getNamedType>[0])
  return named && 'getFields' in named ? Object.keys(named.getFields()) : []
}

/** A mutation's document, with every argument a variable and everything asked that its answers have. */
export const mutationDocument = (name: string): string => {
  const field = schema.getMutationType()?.getFields()[name]
  if (!field) throw new Error(`The schema has no mutation ${name}.`)
  const declared = field.args.map((argument) => `$${argument.name}: ${argument.type}`).join(', ')
  const given = field.args.map((argument) => `${argument.name}: $${argument.name}`).join(', ')
  const answer = getNamedType(field.type)
  const types = isUnionType(answer) ? answer.getTypes() : isObjectType(answer) ? [answer] : []
  const spread = types.map(({ name: type }) => {
    const isError = type.endsWith('Error')
    return `... on ${type} { ${isError ? 'code message' : type === 'IssuedApiToken' ? '' : 'id'} ${selections[type] ?? ''} }`
  })
  return `mutation (${declared}) { ${name}(${given}) { __typename ${spread.join(' ')} } }`
}

/** Calls a mutation. @throws Error on top-level errors */
export const mutate = async (
  server: TestServer,
  name: string,
  variables: object,
  token?: string,
): Promise<MutationAnswer> => (await server.query(mutationDocument(name), variables, token))[name]

/** The same, for a set-up that must work. @returns the object's id */
export const made = async (server: TestServer, name: string, variables: object, token?: string): Promise<string> => {
  const answer = await mutate(server, name, variables, token)
  if (answer.id === undefined) throw new Error(`${name}: ${answer.__typename}: ${answer.message}`)
  return answer.id
}

/** A spec whose fixed questions are asked at once, without a model. @returns its global id */
export const stubSpec = (server: TestServer, projectId: string, input: object = {}): Promise<string> =>
  made(server, 'createSpec', { input: { projectId, task: 'Do it.', mode: 'STUB', maxQuestions: 2, ...input } })

export const globalId = (type: string, id: string): string => Buffer.from(`${type}:${id}`).toString('base64')

/** How many rows each table has, and which files the data directory: the same before and after what was refused. */
export const everythingStored = async (
  server: TestServer,
): Promise<{ readonly counts: Readonly<Record<string, number>>; readonly files: readonly string[] }> => {
  const db = rows(server.context.services.em())
  const tables = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`.execute(db)
  const counts: Record<string, number> = {}
  for (const { name } of tables.rows) {
    const counted = await sql<{ count: string }>`select count(*) from ${sql.table(name)}`.execute(db)
    counts[name] = Number(counted.rows[0]?.count)
  }
  const files = (await readdir(server.config.dataDir, { recursive: true })).sort()
  return { counts, files }
}
