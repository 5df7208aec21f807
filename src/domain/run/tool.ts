import { z } from 'zod'
import { DomainError } from '../errors.ts'
import type { ToolDefinition } from '../ports/model-provider.ts'
import type { Services } from '../shared/services.ts'
import { modelSchema } from './model-schema.ts'
import { refuse, type ToolResult, type Workspace } from './workspace.ts'

/** A tool that an agent may use on its workspace. Its errors are words that the model reads. */
export interface Tool {
  readonly definition: ToolDefinition
  /** What a result depends on besides definition, arguments and workspace. */
  readonly basis?: unknown
  run(services: Services, workspace: Workspace, args: unknown, signal: AbortSignal): Promise<ToolResult>
}

/** Declares a tool with its arguments' schema: one source for what the model is told and what is accepted. */
export const defineTool = <Args>(
  name: string,
  description: string,
  schema: z.ZodType<Args>,
  run: (services: Services, workspace: Workspace, args: Args, signal: AbortSignal) => Promise<ToolResult>,
): Tool => ({
  definition: { name, description, parameters: modelSchema(schema) },
  async run(services, workspace, args, signal) {
    const parsed = schema.safeParse(args)
    if (!parsed.success) return refuse(workspace, `The arguments are not valid: ${z.prettifyError(parsed.error)}`)
    try {
      return await run(services, workspace, parsed.data, signal)
    } catch (error) {
      if (error instanceof DomainError) return refuse(workspace, error.message)
      throw error
    }
  },
})

/** The argument of a tool that names a file or directory. */
export const pathArgument = z
  .string()
  .max(4_096)
  .describe('A path from the root of the workspace, with / between names.')

/** A directory's path without what models like to put around it; empty for the root. */
export const directoryPath = (given: string): string => given.replace(/^(\.\/+)+|^\.$/, '').replace(/\/+$/, '')
