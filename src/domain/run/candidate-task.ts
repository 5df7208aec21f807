import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { coderSystem, plannerSystem, withInstructions } from '../sprint/sprint-prompts.ts'
import { projectTestCases } from '../testing/open-test-run.ts'
import { definitionOf } from '../testing/test-definition.entity.ts'
import type { AgentRunRow } from './agent-run.entity.ts'
import { candidateScope, earlierConversations } from './ancestors.ts'
import type { CallSite } from './call-site.ts'
import type { CandidateRow } from './candidate.entity.ts'
import type { AgentStart, AgentTask } from './run-agent.ts'
import { runTestsTool } from './run-tests-tool.ts'
import { workspaceTools } from './workspace-tools.ts'

const maxTurns = 60
const maxOutputTokens = 16_000

const toolsOf = async (services: Services, run: AgentRunRow) => {
  if (run.role !== 'coder') return workspaceTools
  const testCases = await projectTestCases(services, run.projectId)
  const definitions = testCases.map((testCase) => [testCase.name, definitionOf(testCase).hash])
  return [...workspaceTools, { ...runTestsTool(testCases, run.baseCommit), basis: definitions }]
}

/** What a candidate is to do, by its run's role. */
export const taskOf = async (services: Services, run: AgentRunRow, candidate: CandidateRow): Promise<AgentTask> => ({
  model: candidate.modelName,
  system: withInstructions(run.role === 'coder' ? coderSystem : plannerSystem, candidate.instructions),
  tools: await toolsOf(services, run),
  maxTurns,
  maxOutputTokens,
})

/** Where a candidate begins: every stored tool result leads from there to the workspace as it is now. */
export const startOf = (run: AgentRunRow): AgentStart => ({
  tree: run.startTree ?? '',
  messages: [...run.history, { role: 'user', text: run.message }],
})

/** On whose behalf a run's calls are made: under the budgets of its project, and of its sprint or its own. */
export const runSite = async (
  services: Services,
  run: AgentRunRow,
): Promise<Omit<CallSite, 'agent' | 'scope' | 'candidateId'>> => {
  const read = rows(services.em())
  const project = await read
    .selectFrom('Project')
    .select('budgetId')
    .where('id', '=', run.projectId)
    .executeTakeFirstOrThrow()
  const sprint = run.sprintId
    ? await read
        .selectFrom('Sprint')
        .select(['budgetId', 'iteration'])
        .where('id', '=', run.sprintId)
        .executeTakeFirstOrThrow()
    : undefined
  return {
    projectId: run.projectId,
    specId: run.specId,
    sprintId: run.sprintId,
    runId: run.id,
    requestedById: run.createdById,
    iteration: sprint?.iteration ?? 0,
    budgetIds: [project.budgetId, sprint?.budgetId, run.budgetId].filter((id) => id != null),
  }
}

/** The same for one of its candidates, who has a share of these budgets. */
export const candidateSite = async (
  services: Services,
  run: AgentRunRow,
  candidate: CandidateRow,
): Promise<CallSite> => {
  const site = await runSite(services, run)
  return {
    ...site,
    candidateId: candidate.id,
    agent: run.role,
    scope: candidateScope(candidate.id),
    budgetIds: candidate.budgetId === null ? site.budgetIds : [...site.budgetIds, candidate.budgetId],
    replays: await earlierConversations(services, run.replaysId, candidate.label),
  }
}
