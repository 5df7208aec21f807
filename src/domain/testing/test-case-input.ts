import { z } from 'zod'
import { line } from '../shared/validate.ts'
import { maxTimeoutMs } from './test-timeouts.ts'

const argument = z
  .string()
  .max(4_000, 'must have at most 4000 characters')
  .refine((text) => !text.includes('\u0000'), 'must not contain NUL')
  .refine((text) => text.isWellFormed(), 'must be well-formed Unicode')

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it refuses
const controlCharacters = /[\u0000-\u001f\u007f]/

export const safePath = z
  .string()
  .min(1)
  .max(1_000)
  .refine((path) => !controlCharacters.test(path) && path.isWellFormed(), 'must not contain control characters')
  .refine(
    (path) => !path.startsWith('/') && !path.split('/').some((name) => name === '' || name === '.' || name === '..'),
    {
      message: 'must be a path from the root of the project, without . or ..',
    },
  )

const fileText = z
  .string()
  .max(1_000_000)
  .refine((text) => !text.includes('\u0000') && text.isWellFormed(), 'must be well-formed Unicode without NUL')

export const command = z
  .array(argument)
  .min(1, 'needs a program')
  .max(100)
  .refine((words) => (words[0] ?? '').length > 0, 'needs a program')

export const testCaseFields = {
  name: line(200),
  command,
  timeoutMs: z.number().int().min(100, 'must be at least 100').max(maxTimeoutMs, `must be at most ${maxTimeoutMs}`),
  files: z.array(z.object({ path: safePath, text: fileText })).max(100),
}
