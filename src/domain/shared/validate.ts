import { z } from 'zod'
import { ValidationError } from '../errors.ts'

/**
 * Checks an input's shape and values.
 * @throws ValidationError with a fault for each field
 */
export const validate = <Output>(schema: z.ZodType<Output>, input: unknown): Output => {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  throw new ValidationError(
    parsed.error.issues.map((issue) => ({ path: issue.path.map(String), message: issue.message })),
  )
}

/** A fault in one field that only the domain can see. */
export const fieldFault = (path: string, message: string): ValidationError =>
  new ValidationError([{ path: path.split('.'), message }])

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it refuses
const controlCharacters = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above, but tabs and line ends are text
const controlInText = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/

/** One line that people read: trimmed, not empty, without control or bidirectional characters. */
export const line = (max: number) =>
  z
    .string()
    .trim()
    .min(1, 'must not be empty')
    .max(max, `must have at most ${max} characters`)
    .refine((text) => !controlCharacters.test(text), 'must not contain control characters')

/** Text of several lines: not empty, without control characters but tabs and line ends. */
export const prose = (max: number) =>
  z
    .string()
    .max(max, `must have at most ${max} characters`)
    .refine((text) => text.trim().length > 0, 'must not be empty')
    .refine((text) => !controlInText.test(text), 'must not contain control characters')

export const clientMutationId = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => !controlCharacters.test(text), 'must not contain control characters')
  .nullish()

/** Limits under which money and tokens are spent. */
export const budgetInput = z.object({
  maxCostUsd: z.number().min(0, 'must not be negative').max(1_000_000).nullish(),
  maxTokens: z.number().int('must be a whole number').min(0, 'must not be negative').max(1e12).nullish(),
})
