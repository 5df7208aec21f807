import { randomUUID } from 'node:crypto'
import type { HeldLease } from '../lease/lease.ts'
import type { ConversationMessage, ModelAnswer, ModelProvider, ToolOutcome, ToolUse } from '../ports/model-provider.ts'
import { rows } from '../shared/database.ts'
import { cut, safeJson, safeText } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import { type CallSite, callModel } from './call-model.ts'
import { Candidate, type CandidateRow } from './candidate.entity.ts'
import { ToolCall, type ToolCallRow } from './tool-call.entity.ts'
import type { ToolResult } from './workspace.ts'
import type { Tool } from './workspace-tools.ts'

/** An agent that did not come to an end of its own. */
export class AgentStoppedError extends Error {
  override readonly name = 'AgentStoppedError'
  /** refused, output_limit, turn_limit, empty_answer. */
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

export interface AgentTask {
  readonly system: string
  readonly message: string
  readonly tools: readonly Tool[]
  readonly maxTurns: number
  readonly maxOutputTokens: number
}

const maxResultCharacters = 60_000

const parseArguments = (text: string): { ok: true; value: unknown } | { ok: false; message: string } => {
  try {
    return { ok: true, value: JSON.parse(text === '' ? '{}' : text) }
  } catch (error) {
    return { ok: false, message: `The arguments are not JSON: ${(error as Error).message}` }
  }
}

const useTool = async (
  services: Services,
  lease: HeldLease,
  task: AgentTask,
  workspace: { projectId: string; tree: string },
  use: ToolUse,
): Promise<ToolResult> => {
  const tool = task.tools.find((known) => known.definition.name === use.name)
  if (!tool) {
    const names = task.tools.map((known) => known.definition.name).join(', ')
    return { text: `There is no tool named ${use.name}. The tools are: ${names}.`, isError: true, tree: workspace.tree }
  }
  const args = parseArguments(use.argumentsText)
  if (!args.ok) return { text: args.message, isError: true, tree: workspace.tree }
  return tool.run(services, workspace, args.value, lease.signal)
}

const storeToolCall = (
  lease: HeldLease,
  site: CallSite,
  candidateId: string,
  place: { turn: number; position: number },
  use: ToolUse,
  result: ToolResult,
  durationMs: number,
) =>
  lease.transact(async (tx) => {
    const parsed = parseArguments(use.argumentsText)
    const call = {
      id: randomUUID(),
      candidateId,
      ...place,
      toolUseId: use.id,
      name: cut(use.name, 200),
      arguments: safeJson(parsed.ok ? parsed.value : use.argumentsText),
      result: safeText(cut(result.text, maxResultCharacters)),
      isError: result.isError,
      tree: result.tree,
      durationMs,
      createdAt: tx.now,
    }
    tx.em.create(ToolCall, call)
    const candidate = await tx.em.findOneOrFail(Candidate, { id: candidateId })
    candidate.tree = result.tree
    tx.emit(site, { type: 'ToolCalled', candidateId, tool: call.name, isError: call.isError })
    return call satisfies ToolCallRow
  })

const refusalOf = (answer: ModelAnswer): AgentStoppedError | undefined => {
  if (answer.stop === 'REFUSAL') return new AgentStoppedError('refused', answer.text || 'The model refused.')
  if (answer.stop === 'LENGTH')
    return new AgentStoppedError('output_limit', 'The answer was cut off at the output limit.')
  if (answer.toolUses.length === 0 && answer.text.trim() === '') {
    return new AgentStoppedError('empty_answer', 'The model answered with nothing.')
  }
  return undefined
}

/**
 * The agent loop: ask, use the tools it asks for, tell it what came of it, until it answers in words.
 * Every turn and every tool result is stored before the next begins, so a worker that takes the step up
 * goes on where the last one stopped.
 * @returns what the model said last, and the workspace's tree
 * @throws AgentStoppedError, ProviderError, BudgetExceededError, LeaseLostError
 */
export const runAgent = async (
  services: Services,
  lease: HeldLease,
  site: CallSite,
  candidate: CandidateRow,
  provider: ModelProvider,
  task: AgentTask,
): Promise<{ text: string; tree: string }> => {
  const done = await rows(services.em())
    .selectFrom('ToolCall')
    .selectAll()
    .where('candidateId', '=', candidate.id)
    .execute()
  const results = new Map(done.map((call) => [`${call.turn}.${call.position}`, call]))
  const messages: ConversationMessage[] = [{ role: 'user', text: task.message }]
  let tree = candidate.tree ?? ''
  for (let turn = 0; turn < task.maxTurns; turn++) {
    const answer = await callModel(services, lease, site, provider, turn, {
      model: candidate.modelName,
      system: task.system,
      messages,
      tools: task.tools.map((tool) => tool.definition),
      maxOutputTokens: task.maxOutputTokens,
    })
    const stopped = refusalOf(answer)
    if (stopped) throw stopped
    messages.push(answer.turn)
    if (answer.toolUses.length === 0) return { text: answer.text, tree }
    const outcomes: ToolOutcome[] = []
    for (const [position, use] of answer.toolUses.entries()) {
      let call = results.get(`${turn}.${position}`)
      if (!call) {
        const startedAt = performance.now()
        const result = await useTool(services, lease, task, { projectId: site.projectId, tree }, use)
        const durationMs = Math.round(performance.now() - startedAt)
        call = await storeToolCall(lease, site, candidate.id, { turn, position }, use, result, durationMs)
      }
      tree = call.tree ?? tree
      outcomes.push({ toolUseId: use.id, text: call.result, isError: call.isError })
    }
    messages.push({ role: 'tool', outcomes })
  }
  throw new AgentStoppedError('turn_limit', `The agent did not finish within ${task.maxTurns} turns.`)
}
