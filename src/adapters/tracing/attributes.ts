import { type AttributeValue, SpanKind as OtelKind } from '@opentelemetry/api'
import type { StopReason } from '../../domain/ports/model-provider.ts'
import type { SpanFacts, SpanKind } from '../../domain/ports/tracer.ts'
import type { Redact } from '../../domain/shared/redact-secrets.ts'
import { plainWord } from './plain-word.ts'

type Attributes = Record<string, AttributeValue>

/**
 * The attributes' names. Those of OpenTelemetry's conventions for messages, GraphQL and generative AI where there is one,
 * `countersign.*` otherwise. Beside them OpenInference's, which Phoenix reads in all its versions, and which alone has
 * a name for what a call cost.
 */
const names: Readonly<Partial<Record<keyof SpanFacts, readonly string[]>>> = {
  operationType: ['graphql.operation.type'],
  rootFields: ['countersign.graphql.root_fields'],
  job: ['countersign.job.name'],
  pool: ['messaging.destination.name'],
  jobId: ['messaging.message.id'],
  waitedMs: ['countersign.job.waited_ms'],
  projectId: ['countersign.project.id'],
  specId: ['countersign.spec.id'],
  sprintId: ['countersign.sprint.id'],
  runId: ['countersign.run.id'],
  candidateId: ['countersign.candidate.id'],
  sessionId: ['countersign.session.id', 'gen_ai.conversation.id', 'session.id'],
  diffId: ['countersign.diff.id'],
  testRunId: ['countersign.test_run.id'],
  agent: ['gen_ai.agent.name'],
  iteration: ['countersign.iteration'],
  model: ['gen_ai.request.model', 'llm.model_name'],
  rehearsal: ['countersign.rehearsal'],
  maxOutputTokens: ['gen_ai.request.max_tokens'],
  callId: ['countersign.call.id'],
  attempts: ['countersign.call.attempts'],
  answeringModel: ['gen_ai.response.model'],
  inputTokens: ['gen_ai.usage.input_tokens', 'llm.token_count.prompt'],
  cachedInputTokens: ['gen_ai.usage.cache_read.input_tokens', 'llm.token_count.prompt_details.cache_read'],
  cacheWriteInputTokens: ['gen_ai.usage.cache_creation.input_tokens', 'llm.token_count.prompt_details.cache_write'],
  outputTokens: ['gen_ai.usage.output_tokens', 'llm.token_count.completion'],
  costUsd: ['countersign.cost.usd', 'llm.cost.total'],
  tool: ['gen_ai.tool.name', 'tool.name'],
  toolUseId: ['gen_ai.tool.call.id'],
  evaluation: ['gen_ai.evaluation.name'],
  verdict: ['gen_ai.evaluation.score.label'],
  driver: ['countersign.sandbox.driver'],
  exitCode: ['process.exit.code'],
  signal: ['countersign.sandbox.signal'],
  timedOut: ['countersign.sandbox.timed_out'],
  truncated: ['countersign.sandbox.truncated'],
  commit: ['vcs.ref.head.revision'],
  outcome: ['countersign.outcome'],
  failure: ['error.type'],
}

/** Why a model stopped, in OpenTelemetry's words. */
export const finishReasons: Readonly<Record<StopReason, string>> = {
  END: 'stop',
  TOOLS: 'tool_call',
  LENGTH: 'length',
  REFUSAL: 'content_filter',
}

/** What a part is in OpenTelemetry's words and in OpenInference's, and how it is called. */
interface Shape {
  readonly kind: OtelKind
  readonly openInference: 'CHAIN' | 'AGENT' | 'EVALUATOR' | 'LLM' | 'TOOL'
  readonly fixed?: Attributes
  readonly name: (facts: SpanFacts) => string
}

export const shapes: Readonly<Record<SpanKind, Shape>> = {
  operation: { kind: OtelKind.SERVER, openInference: 'CHAIN', name: ({ operation }) => operation ?? 'operation' },
  job: {
    kind: OtelKind.CONSUMER,
    openInference: 'CHAIN',
    fixed: { 'messaging.system': 'bullmq', 'messaging.operation.type': 'process' },
    name: ({ job }) => `process ${job}`,
  },
  step: { kind: OtelKind.INTERNAL, openInference: 'CHAIN', name: ({ step }) => step ?? 'step' },
  agent: {
    kind: OtelKind.INTERNAL,
    openInference: 'AGENT',
    fixed: { 'gen_ai.operation.name': 'invoke_agent' },
    name: ({ agent }) => `invoke_agent ${agent}`,
  },
  evaluation: {
    kind: OtelKind.INTERNAL,
    openInference: 'EVALUATOR',
    name: ({ agent, evaluation }) => (agent === undefined ? `evaluate ${evaluation}` : `invoke_agent ${agent}`),
  },
  model: {
    kind: OtelKind.CLIENT,
    openInference: 'LLM',
    fixed: { 'gen_ai.operation.name': 'chat' },
    name: ({ model }) => `chat ${model}`,
  },
  tool: {
    kind: OtelKind.INTERNAL,
    openInference: 'TOOL',
    fixed: { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.type': 'function' },
    name: ({ tool }) => `execute_tool ${tool}`,
  },
  sandbox: { kind: OtelKind.INTERNAL, openInference: 'CHAIN', name: ({ step }) => `sandbox ${step}` },
  commit: { kind: OtelKind.INTERNAL, openInference: 'CHAIN', name: () => 'git commit' },
  push: { kind: OtelKind.CLIENT, openInference: 'CHAIN', name: () => 'git push' },
}

/** Words of this program's own. Every other text is an id, or a name that others chose. */
const ours: ReadonlySet<string> = new Set<keyof SpanFacts>([
  'operation',
  'operationType',
  'step',
  'agent',
  'provider',
  'stop',
  'evaluation',
  'verdict',
  'driver',
  'outcome',
])

/** The same facts, in which whatever others chose has the form of a name. */
export const plainFacts = (facts: SpanFacts, redact: Redact): SpanFacts => {
  const plain = Object.entries(facts).map(([fact, value]: [string, unknown]) => [
    fact,
    typeof value === 'string' && !ours.has(fact) ? plainWord(value, redact) : value,
  ])
  return Object.fromEntries(plain)
}

/** Facts as attributes; what is null or absent has none. */
export const attributesOf = (facts: SpanFacts): Attributes => {
  const attributes: Attributes = {}
  for (const [fact, value] of Object.entries(facts) as [keyof SpanFacts, AttributeValue | null | undefined][]) {
    if (value === null || value === undefined) continue
    for (const name of names[fact] ?? []) attributes[name] = value
  }
  const { provider, stop, agent, evaluation, inputTokens, outputTokens } = facts
  if (provider !== undefined) {
    attributes['gen_ai.provider.name'] = provider.toLowerCase()
    attributes['llm.provider'] = provider.toLowerCase()
  }
  if (inputTokens !== undefined && outputTokens !== undefined)
    attributes['llm.token_count.total'] = inputTokens + outputTokens
  if (stop !== undefined) attributes['gen_ai.response.finish_reasons'] = [finishReasons[stop]]
  if (evaluation !== undefined && agent !== undefined) attributes['gen_ai.operation.name'] = 'invoke_agent'
  return attributes
}

/** What every part of a kind has. */
export const fixedAttributes = (kind: SpanKind): Attributes => ({
  'openinference.span.kind': shapes[kind].openInference,
  ...shapes[kind].fixed,
})
