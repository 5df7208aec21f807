import type { HeldLease } from '../lease/lease.ts'
import type { ModelProvider } from '../ports/model-provider.ts'
import { candidateFailure } from '../run/candidate-failure.ts'
import { AgentStoppedError } from '../run/run-agent.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import type { SessionAgent } from './session.entity.ts'

/** The provider that a session's agent was chosen from. @throws AgentStoppedError when it is no longer configured */
export const providerOf = (services: Services, agent: Pick<SessionAgent, 'provider'>): ModelProvider => {
  const provider = services.models.get(agent.provider)
  if (!provider)
    throw new AgentStoppedError('not_configured', `The provider ${agent.provider} is no longer configured.`)
  return provider
}

export interface AgentFailure {
  readonly code: string
  readonly message: string
}

/**
 * Lets an agent do its part. What it could not do is given back in words.
 * @throws what is no fault of the agent's: a lost lease, a broken connection to the database
 */
export const attempt = async <Result>(
  lease: HeldLease,
  part: () => Promise<Result>,
): Promise<
  { readonly result: Result; readonly failure: null } | { readonly result: null; readonly failure: AgentFailure }
> => {
  try {
    return { result: await part(), failure: null }
  } catch (error) {
    const failure = lease.signal.aborted ? undefined : candidateFailure(error)
    if (!failure) throw error
    return { result: null, failure }
  }
}

/** The last call of a conversation that was answered; null when none was. */
export const lastCallOf = async (services: Services, scope: string): Promise<string | null> => {
  const call = await rows(services.em())
    .selectFrom('ModelCall')
    .select('id')
    .where('scope', '=', scope)
    .where('status', '=', 'ANSWERED')
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst()
  return call?.id ?? null
}
