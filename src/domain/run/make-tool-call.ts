import { randomUUID } from 'node:crypto'
import type { HeldLease } from '../lease/lease.ts'
import type { ToolUse } from '../ports/model-provider.ts'
import { canonicalHash } from '../shared/canonical-hash.ts'
import { cut, safeJson, safeText } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import type { CallSite } from './call-site.ts'
import { Candidate } from './candidate.entity.ts'
import type { RecordedResults } from './recordings.ts'
import type { Tool } from './tool.ts'
import { ToolCall, type ToolCallRow } from './tool-call.entity.ts'
import { siteFacts } from './trace-call.ts'
import type { ToolResult } from './workspace.ts'

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
  tools: readonly Tool[],
  workspace: { projectId: string; tree: string },
  use: ToolUse,
): Promise<ToolResult> => {
  const tool = tools.find((known) => known.definition.name === use.name)
  if (!tool) {
    const names = tools.map((known) => known.definition.name).join(', ')
    return { text: `There is no tool named ${use.name}. The tools are: ${names}.`, isError: true, tree: workspace.tree }
  }
  const args = parseArguments(use.argumentsText)
  if (!args.ok) return { text: args.message, isError: true, tree: workspace.tree }
  return tool.run(services, workspace, args.value, lease.signal)
}

/** The same, as a part of the trace. The name that a model gave is its word: that of a known tool alone is said. */
const useTraced = (
  services: Services,
  lease: HeldLease,
  site: CallSite,
  tools: readonly Tool[],
  tree: string,
  use: ToolUse,
): Promise<ToolResult> => {
  const tool = tools.find((known) => known.definition.name === use.name)?.definition.name ?? 'unknown'
  return services.tracer.span(
    'tool',
    { ...siteFacts(site), tool, toolUseId: use.id },
    async (span) => {
      const result = await useTool(services, lease, tools, { projectId: site.projectId, tree }, use)
      span.note(result.isError ? { failure: 'tool_error' } : {}, () => ({ result: result.text }))
      return result
    },
    { content: () => ({ argumentsText: use.argumentsText }) },
  )
}

/** Everything that a tool's result depends on. */
const hashOf = (services: Services, tools: readonly Tool[], tree: string, use: ToolUse): string => {
  const tool = tools.find((known) => known.definition.name === use.name)
  return canonicalHash({
    tool: tool?.definition ?? null,
    basis: tool?.basis ?? null,
    limits: services.limits,
    name: use.name,
    argumentsText: use.argumentsText,
    tree,
  })
}

interface NewToolCall {
  readonly turn: number
  readonly position: number
  readonly use: ToolUse
  readonly hash: string
  readonly result: ToolResult
  readonly durationMs: number
  readonly replayed: boolean
}

const storeToolCall = (lease: HeldLease, site: CallSite, { use, result, ...made }: NewToolCall) =>
  lease.transact(async (tx) => {
    const parsed = parseArguments(use.argumentsText)
    const call = {
      id: randomUUID(),
      scope: site.scope,
      candidateId: site.candidateId,
      ...made,
      toolUseId: use.id,
      name: cut(use.name, 200),
      arguments: safeJson(parsed.ok ? parsed.value : use.argumentsText),
      result: safeText(cut(result.text, maxResultCharacters)),
      isError: result.isError,
      tree: result.tree,
      createdAt: tx.now,
    }
    tx.em.create(ToolCall, call)
    if (site.candidateId !== null) {
      const candidate = await tx.em.findOneOrFail(Candidate, { id: site.candidateId })
      candidate.tree = result.tree
      tx.emit(site, { type: 'ToolCalled', candidateId: candidate.id, tool: call.name, isError: call.isError })
    }
    return call satisfies ToolCallRow
  })

const isThere = async (services: Services, projectId: string, tree: string | null): Promise<boolean> =>
  tree === null || (await services.git.objectKind(projectId, tree)) === 'tree'

/**
 * Uses a tool and stores what came of it, or takes the result from a conversation that this one continues.
 * @param tree the workspace before the use
 */
export const makeToolCall = async (
  services: Services,
  lease: HeldLease,
  site: CallSite,
  tools: readonly Tool[],
  tree: string,
  { earlier, ...asked }: { turn: number; position: number; use: ToolUse; earlier: RecordedResults['earlier'] },
): Promise<ToolCallRow> => {
  const hash = hashOf(services, tools, tree, asked.use)
  const known = earlier(asked.turn, asked.position, hash)
  // What a tool wrote for work that has ended may have been let go of since; then it is written again.
  if (known && (await isThere(services, site.projectId, known.tree))) {
    const result = { text: known.result, isError: known.isError, tree: known.tree ?? tree }
    return storeToolCall(lease, site, { ...asked, hash, result, durationMs: 0, replayed: true })
  }
  lease.mayBegin()
  const startedAt = performance.now()
  const result = await useTraced(services, lease, site, tools, tree, asked.use)
  const durationMs = Math.round(performance.now() - startedAt)
  return storeToolCall(lease, site, { ...asked, hash, result, durationMs, replayed: false })
}
