import type { CallToolResult } from '@modelcontextprotocol/server'
import { DomainError } from '../domain/errors.ts'
import { fenceData } from '../domain/shared/fence-data.ts'
import type { Logger } from '../domain/shared/services.ts'

const masked = {
  code: 'INTERNAL',
  message: 'Something went wrong in the server; its log says what.',
}

/**
 * What went wrong, as a tool answers it: of the domain's errors everything they say, so that the caller can mend it;
 * of a fault of the server nothing, and it is logged.
 */
export const toToolError = (error: unknown, log: Logger): CallToolResult => {
  if (!(error instanceof DomainError)) log.error({ error }, 'a tool failed')
  // The members of a domain's error are those that GraphQL shows of it.
  const { name: _, ...members } = error instanceof DomainError ? error : { name: '' }
  const fault = error instanceof DomainError ? { ...members, code: error.code, message: error.message } : masked
  return {
    isError: true,
    content: [{ type: 'text', text: fenceData('tool_error', JSON.stringify(fault, null, 1)) }],
    structuredContent: fault,
  }
}
