import type { HeldLease } from '../lease/lease.ts'
import type { ConversationMessage, ModelAnswer, ModelProvider, ToolOutcome, ToolUse } from '../ports/model-provider.ts'
import { fenceData } from '../shared/fence-data.ts'
import type { Services } from '../shared/services.ts'
import { callModel } from './call-model.ts'
import type { CallSite } from './call-site.ts'
import { makeToolCall } from './make-tool-call.ts'
import { loadResults } from './recordings.ts'
import type { Tool } from './tool.ts'
import type { ToolCallRow } from './tool-call.entity.ts'
import { siteFacts } from './trace-call.ts'

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
  readonly model: string
  readonly system: string
  readonly tools: readonly Tool[]
  /** Names of tools whose successful use ends the agent's turn, once all that it asked for beside it is done. */
  readonly stopAfter?: readonly string[]
  readonly maxTurns: number
  readonly maxOutputTokens: number
}

/** Where an agent begins: its workspace, and the conversation up to the message that it answers. */
export interface AgentStart {
  readonly tree: string
  readonly messages: readonly ConversationMessage[]
}

export interface AgentEnd {
  /** What the model said last. */
  readonly text: string
  readonly tree: string
  /** The whole conversation, to be carried on. */
  readonly messages: readonly ConversationMessage[]
  /** The use of a tool that ended the turn; null when the model ended it in words. */
  readonly stoppedBy: ToolCallRow | null
}

const refusalOf = (answer: ModelAnswer): AgentStoppedError | undefined => {
  if (answer.stop === 'REFUSAL') return new AgentStoppedError('refused', answer.text || 'The model refused.')
  if (answer.stop === 'LENGTH')
    return new AgentStoppedError('output_limit', 'The answer was cut off at the output limit.')
  if (answer.toolUses.length === 0 && answer.text.trim() === '') {
    return new AgentStoppedError('empty_answer', 'The model answered with nothing.')
  }
  return undefined
}

/** A tool's result as the model is told of it. */
export const toolOutcome = (
  use: ToolUse,
  { result, isError }: Pick<ToolCallRow, 'result' | 'isError'>,
): ToolOutcome => ({
  toolUseId: use.id,
  text: fenceData('tool_result', result),
  isError,
})

const converse = async (
  services: Services,
  lease: HeldLease,
  site: CallSite,
  start: AgentStart,
  provider: ModelProvider,
  task: AgentTask,
): Promise<AgentEnd> => {
  const recorded = await loadResults(services, site.scope, site.replays ?? [])
  const messages = [...start.messages]
  let { tree } = start
  for (let turn = 0; turn < task.maxTurns; turn++) {
    const answer = await callModel(services, lease, site, provider, turn, {
      model: task.model,
      system: task.system,
      messages,
      tools: task.tools.map((tool) => tool.definition),
      maxOutputTokens: task.maxOutputTokens,
    })
    const stopped = refusalOf(answer)
    if (stopped) throw stopped
    messages.push(answer.turn)
    if (answer.toolUses.length === 0) return { text: answer.text, tree, messages, stoppedBy: null }
    const outcomes: ToolOutcome[] = []
    let stoppedBy: ToolCallRow | null = null
    for (const [position, use] of answer.toolUses.entries()) {
      const call =
        recorded.own(turn, position) ??
        (await makeToolCall(services, lease, site, task.tools, tree, {
          turn,
          position,
          use,
          earlier: recorded.earlier,
        }))
      tree = call.tree ?? tree
      outcomes.push(toolOutcome(use, call))
      if (!call.isError && task.stopAfter?.includes(call.name)) stoppedBy ??= call
    }
    messages.push({ role: 'tool', outcomes })
    if (stoppedBy) return { text: answer.text, tree, messages, stoppedBy }
  }
  throw new AgentStoppedError('turn_limit', `The agent did not finish within ${task.maxTurns} turns.`)
}

/**
 * The agent loop: ask, use the tools it asks for, tell it what came of it, until it answers in words.
 * Every turn and every tool result is stored before the next begins, so a worker that takes the step up
 * goes on where the last one stopped.
 * @throws AgentStoppedError, ProviderError, BudgetExceededError, LeaseLostError
 */
export const runAgent = (
  services: Services,
  lease: HeldLease,
  site: CallSite,
  start: AgentStart,
  provider: ModelProvider,
  task: AgentTask,
): Promise<AgentEnd> => {
  const facts = { ...siteFacts(site), provider: provider.provider, model: task.model }
  return services.tracer.span('agent', facts, () => converse(services, lease, site, start, provider, task))
}
