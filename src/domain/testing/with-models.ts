import type { HeldLease } from '../lease/lease.ts'
import type { LoopbackDoor } from '../ports/model-gateway.ts'
import type { Provider } from '../ports/model-provider.ts'
import type { CallSite } from '../run/call-site.ts'
import { rows } from '../shared/database.ts'
import { safeText } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import { openCallBook, testScope } from './call-book.ts'
import type { TestOutcome } from './run-test-case.ts'
import type { TestResultRow, TestRunRow } from './test-run.entity.ts'
import { traceTestCalls } from './trace-test-calls.ts'

/** What a test that may call models is run with. */
export interface ModelAccess {
  readonly environment: Readonly<Record<string, string>>
  readonly door: LoopbackDoor | null
}

/** Client libraries want one; the gateway puts the server's own in its place. */
const placeholderKey = 'the-gateway-has-the-key'

const environmentOf = ({ models }: Pick<Services, 'models'>, origin: string): ModelAccess['environment'] => {
  const model = (name: string, provider: Provider) => {
    const configured = models.get(provider)
    return configured ? { [name]: configured.defaultModel } : {}
  }
  return {
    OPENAI_BASE_URL: `${origin}/v1`,
    OPENAI_API_KEY: placeholderKey,
    ...model('OPENAI_MODEL', 'OPENAI'),
    ANTHROPIC_BASE_URL: origin,
    ANTHROPIC_API_KEY: placeholderKey,
    ...model('ANTHROPIC_MODEL', 'ANTHROPIC'),
  }
}

/** On whose behalf a test calls models: of whoever asked for the run, under the budgets of all that it belongs to. */
const siteOf = async (
  services: Services,
  run: TestRunRow,
  { id, traceId }: Pick<TestResultRow, 'id' | 'traceId'>,
): Promise<CallSite> => {
  const read = rows(services.em())
  const project = await read
    .selectFrom('Project')
    .select(['budgetId', 'createdById'])
    .where('id', '=', run.projectId)
    .executeTakeFirstOrThrow()
  const sprint = run.phaseId
    ? await read
        .selectFrom('Phase')
        .innerJoin('Sprint', 'Sprint.id', 'Phase.sprintId')
        .select(['Sprint.id', 'Sprint.budgetId', 'Sprint.createdById', 'Sprint.iteration'])
        .where('Phase.id', '=', run.phaseId)
        .executeTakeFirst()
    : undefined
  const agentRun = run.candidateId
    ? await read
        .selectFrom('Candidate')
        .innerJoin('AgentRun', 'AgentRun.id', 'Candidate.runId')
        .select(['AgentRun.id', 'AgentRun.budgetId', 'AgentRun.createdById'])
        .where('Candidate.id', '=', run.candidateId)
        .executeTakeFirst()
    : undefined
  const session = run.sessionId
    ? await read
        .selectFrom('Session')
        .select(['budgetId', 'createdById'])
        .where('id', '=', run.sessionId)
        .executeTakeFirst()
    : undefined
  const owners = [project, sprint, agentRun, session]
  return {
    projectId: run.projectId,
    sprintId: sprint?.id ?? null,
    runId: agentRun?.id ?? null,
    sessionId: run.sessionId,
    candidateId: run.candidateId,
    requestedById: run.requestedById ?? owners.findLast((owner) => owner)?.createdById ?? project.createdById,
    agent: 'test',
    scope: testScope(id),
    iteration: sprint?.iteration ?? 0,
    budgetIds: owners.flatMap((owner) => owner?.budgetId ?? []),
    ...(traceId !== null && { traceId }),
  }
}

/**
 * Runs a test with a gateway to models of its own, which is gone, and its calls settled, when this returns. What was
 * kept from the test is told in the result's error.
 */
export const withModels = async (
  services: Services,
  lease: HeldLease,
  run: TestRunRow,
  result: TestResultRow,
  runTest: (access: ModelAccess) => Promise<TestOutcome>,
): Promise<TestOutcome> => {
  const site = await siteOf(services, run, result)
  const book = traceTestCalls(services, site, await openCallBook(services, lease, site))
  const outcome = await (async () => {
    await using gateway = await services.gateway.open(book, services.sandbox.driver !== 'none')
    return await runTest({ environment: environmentOf(services, gateway.origin), door: gateway.door })
  })()
  const kept = book.notes().map((message) => `Calls to models were refused: ${safeText(message)}`)
  return { ...outcome, error: [outcome.error, ...kept].filter((line) => line !== null).join('\n') || null }
}
