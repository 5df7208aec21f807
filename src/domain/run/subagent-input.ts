import { z } from 'zod'
import { providers } from '../ports/model-provider.ts'
import type { Services } from '../shared/services.ts'
import { fieldFault, line, prose } from '../shared/validate.ts'
import { labelOf, type Subagent } from './subagent.ts'

/** Who is asked, as a caller names them. */
export const subagentInput = z
  .object({
    provider: z.enum(providers),
    model: line(200).nullish(),
    label: z
      .string()
      .regex(
        /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}$/,
        'must be 1 to 40 letters, digits, spaces, dots, dashes or underscores',
      )
      .nullish(),
    instructions: prose(20_000).nullish(),
  })
  .transform(
    (given): Subagent => ({
      provider: given.provider,
      model: given.model ?? null,
      label: given.label ?? null,
      instructions: given.instructions ?? null,
    }),
  )

// Each is a row, a job and a workspace of one transaction; how many work at once is the pools' concurrency.
const mostSubagents = 100

/** Several who work on the same. */
export const subagentsInput = z
  .array(subagentInput)
  .max(mostSubagents, `must name at most ${mostSubagents}`)
  .refine((all) => new Set(all.map(labelOf)).size === all.length, {
    message: 'labels must differ, also from the A, B, ... of those without one',
  })

/** @throws ValidationError when somebody is named whose provider is not configured */
export const requireConfigured = (services: Services, subagents: readonly Subagent[], judge: Subagent | null): void => {
  for (const [index, subagent] of subagents.entries()) {
    if (services.models.get(subagent.provider)) continue
    throw fieldFault(`subagents.${index}.provider`, `${subagent.provider} is not configured on this server`)
  }
  if (judge && !services.models.get(judge.provider)) {
    throw fieldFault('judge.provider', `${judge.provider} is not configured on this server`)
  }
}
