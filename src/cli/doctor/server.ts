import { z } from 'zod'
import type { Config } from '../../config.ts'
import { describeFault, UsageError } from '../exit.ts'
import { createGraphQLClient, type Operation } from '../graphql-client.ts'
import { findAccess, findAddress } from '../review/server-access.ts'
import { type Check, limited, missing, ok } from './check.ts'
import { remedyFor } from './remedies.ts'
import { checkSelfApproval } from './self-approval.ts'

/** What a running server says of itself. */
export interface ServerReport {
  readonly url: string
  /** Null when it could not be asked. */
  readonly version: string | null
  readonly checks: readonly Check[]
}

export interface ServerQuestion {
  readonly config: Config
  readonly url: string | undefined
  readonly tokenFile: string | undefined
  readonly signal: AbortSignal
}

const limitMs = 20_000

const readiness = z.object({
  status: z.enum(['ok', 'failed', 'draining']),
  components: z.array(z.object({ name: z.string(), ok: z.boolean() })),
})

interface Health {
  readonly version: string
  readonly components: readonly { readonly name: string; readonly status: string; readonly detail: string | null }[]
}

const readHealth: Operation<{ readonly health: Health; readonly viewer: { readonly role: string | null } }> = {
  document: 'query Health { viewer { role } health { version components { name status detail } } }',
  data: z.object({
    viewer: z.object({ role: z.string().nullable() }),
    health: z.object({
      version: z.string(),
      components: z.array(z.object({ name: z.string(), status: z.string(), detail: z.string().nullable() })),
    }),
  }),
}

const componentCheck = (name: string, isWell: boolean, detail: string | null): Check => {
  if (isWell) return ok(name, detail ?? '')
  const { isNeeded, remedy } = remedyFor(name)
  const say = isNeeded ? missing : limited
  return say(name, detail ?? 'has failed; why is said to whoever is signed in', remedy)
}

/** Asks what is answered to anybody, so that it is known who is there before a token is sent. */
const askReadiness = async (url: string, signal: AbortSignal): Promise<z.output<typeof readiness>> => {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]) })
  const parsed = readiness.safeParse(await response.json().catch(() => null))
  if (!parsed.success) throw new Error('what answers there is no Countersign server')
  return parsed.data
}

/**
 * Asks the server that was named, or else the one on this machine, how each of its components is.
 * @returns null when none was named and none runs here
 * @throws UsageError for an address or a token that is none
 */
export const askServer = async (question: ServerQuestion): Promise<ServerReport | null> => {
  const { config, signal } = question
  const isNamed = question.url !== undefined || config.remote.url !== undefined
  if (!isNamed && config.port === 0) return null
  const url = findAddress(config, question.url)
  let ready: z.output<typeof readiness>
  try {
    ready = await askReadiness(url, signal)
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (!isNamed && isRefused(error)) return null
    const why = describeFault(error, { stack: false })
    return { url, version: null, checks: [missing('server', `${url}: ${why}`, 'start it, or correct its address')] }
  }
  const draining = ready.status === 'draining' ? [limited('server', 'it is ending', 'ask again when another runs')] : []
  try {
    const access = await findAccess(question)
    const client = createGraphQLClient({ ...access, signal })
    const { health, viewer } = await client.query(readHealth)
    const components = health.components.map(({ name, status, detail }) =>
      componentCheck(name, status === 'ok', detail),
    )
    const approvals = viewer.role === 'ADMIN' ? await checkSelfApproval(client) : []
    return { url, version: health.version, checks: [...draining, ...components, ...approvals] }
  } catch (error) {
    if (signal.aborted) throw signal.reason
    const why = describeFault(error, { stack: false })
    const remedy = error instanceof UsageError ? 'give the token of somebody it knows' : 'see what has failed below'
    const unasked = limited('server', `it does not say what is wrong: ${why}`, remedy)
    return {
      url,
      version: null,
      checks: [...draining, unasked, ...ready.components.map((part) => componentCheck(part.name, part.ok, null))],
    }
  }
}

const isRefused = (error: unknown): boolean => {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && cause.code === 'ECONNREFUSED') return true
  }
  return false
}
