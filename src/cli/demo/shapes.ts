import { z } from 'zod'

/** Shapes that several of the demo's operations answer with. Status words stay open: a newer server may have more. */

const provider = z.enum(['OPENAI', 'ANTHROPIC'])

export const agentFields = 'label provider rehearsal modelName'
export const agentShape = z.object({ label: z.string(), provider, rehearsal: z.boolean(), modelName: z.string() })
export type Agent = z.output<typeof agentShape>

export const decisionFields = `selected { label } merged method rationale scores { candidate { label } score reason }`
export const decisionShape = z.object({
  selected: z.object({ label: z.string() }),
  merged: z.boolean(),
  method: z.string(),
  rationale: z.string(),
  scores: z.array(z.object({ candidate: z.object({ label: z.string() }), score: z.number(), reason: z.string() })),
})
export type Decision = z.output<typeof decisionShape>

export const usageFields = `inputTokens outputTokens costUsd unpricedCalls calls
  byAgent { agent provider model rehearsal inputTokens outputTokens costUsd calls }`
export const usageShape = z.object({
  inputTokens: z.number(),
  outputTokens: z.number(),
  costUsd: z.number(),
  unpricedCalls: z.number(),
  calls: z.number(),
  byAgent: z.array(
    z.object({
      agent: z.string(),
      provider,
      model: z.string(),
      rehearsal: z.boolean(),
      inputTokens: z.number(),
      outputTokens: z.number(),
      costUsd: z.number().nullable(),
      calls: z.number(),
    }),
  ),
})
export type Usage = z.output<typeof usageShape>

export const testRunFields = 'id status sandbox total passed failed results { name status durationMs }'
export const testRunShape = z.object({
  id: z.string(),
  status: z.string(),
  sandbox: z.string(),
  total: z.number(),
  passed: z.number(),
  failed: z.number(),
  results: z.array(z.object({ name: z.string(), status: z.string(), durationMs: z.number() })),
})
export type TestRun = z.output<typeof testRunShape>

const finding = z.object({
  code: z.string(),
  message: z.string(),
  path: z.string().nullable(),
  line: z.number().nullable(),
})
const capabilityUse = z.object({
  capability: z.string(),
  path: z.string(),
  line: z.number(),
  symbol: z.string(),
  snippet: z.string(),
})
export const safetyFields = `safe syntaxValid addedCapabilities evaluationHash
  issues { code message path line } warnings { code message path line }
  added { capability path line symbol snippet } removed { capability path line symbol snippet }`
export const safetyShape = z.object({
  safe: z.boolean(),
  syntaxValid: z.boolean(),
  addedCapabilities: z.array(z.string()),
  evaluationHash: z.string(),
  issues: z.array(finding),
  warnings: z.array(finding),
  added: z.array(capabilityUse),
  removed: z.array(capabilityUse),
})
export type Safety = z.output<typeof safetyShape>
export type Finding = z.output<typeof finding>
export type CapabilityUse = z.output<typeof capabilityUse>

export const approvalFields = 'required given satisfied missing'
export const approvalShape = z.object({
  required: z.number(),
  given: z.number(),
  satisfied: z.boolean(),
  missing: z.array(z.string()),
})
