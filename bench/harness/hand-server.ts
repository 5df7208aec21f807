import { hash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import type { Child } from './child.ts'

/** Who asks, as the token says. */
export interface Person {
  readonly id: string
  /** On every project; null where only memberships count. */
  readonly role: string | null
}

/** Answers one operation with its data. */
export type HandWritten = (variables: never, person: Person) => Promise<object>

interface TokenRow {
  readonly token: string
  readonly actor: string
  readonly role: string | null
  readonly expires_at: Date | null
  readonly is_noted: boolean
}

// As many as the product has.
export const openPool = (databaseUrl: string): pg.Pool => new pg.Pool({ connectionString: databaseUrl, max: 10 })

/** Says who a bearer token speaks for, with one statement, and notes to the minute that it was used. */
export const createSignIn =
  (pool: pg.Pool) =>
  async (authorization: string | undefined): Promise<Person | undefined> => {
    const secret = /^Bearer (\S{1,500})$/i.exec(authorization ?? '')?.[1]
    if (secret === undefined) return undefined
    const { rows } = await pool.query<TokenRow>({
      name: 'sign-in',
      text: `select token.id as token, actor.id as actor, actor.role, token.expires_at,
          token.last_used_at > now() - interval '1 minute' as is_noted
        from api_token token join actor on actor.id = token.actor_id
        where token.secret_hash = $1 and token.revoked_at is null and actor.disabled_at is null`,
      values: [hash('sha256', secret)],
    })
    const [found] = rows
    if (!found || (found.expires_at !== null && found.expires_at <= new Date())) return undefined
    if (!found.is_noted) await pool.query('update api_token set last_used_at = now() where id = $1', [found.token])
    return { id: found.actor, role: found.role }
  }

/** Serves operations by their names behind node:http, as GraphQL's clients ask for them. */
export const serveByHand = async (
  databaseUrl: string,
  operationsOn: (pool: pg.Pool) => Readonly<Record<string, HandWritten>>,
): Promise<Child<{ readonly url: string }>> => {
  const pool = openPool(databaseUrl)
  const operations = operationsOn(pool)
  const signIn = createSignIn(pool)
  const answer = async (authorization: string | undefined, body: string): Promise<readonly [number, object]> => {
    const person = await signIn(authorization)
    if (!person) return [401, { errors: [{ message: 'Not signed in.' }] }]
    const { operationName, variables } = JSON.parse(body)
    const operation = operations[operationName]
    if (!operation) return [400, { errors: [{ message: 'There is no such operation.' }] }]
    return [200, { data: await operation(variables as never, person) }]
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => {
      answer(request.headers.authorization, Buffer.concat(chunks).toString('utf8'))
        .catch((error: Error): readonly [number, object] => [500, { errors: [{ message: error.message }] }])
        .then(([status, said]) => {
          const text = JSON.stringify(said)
          response.writeHead(status, {
            'content-type': 'application/json; charset=utf-8',
            'content-length': Buffer.byteLength(text),
          })
          response.end(text)
        })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    ready: { url: `http://127.0.0.1:${port}` },
    async close() {
      server.closeAllConnections()
      await pool.end()
    },
  }
}
