import { defineEntity, p } from '@mikro-orm/core'
import type { Row } from '../shared/row.ts'
import { Candidate } from './candidate.entity.ts'

/** One use of a tool and what came of it; a stored result is not made again. */
export const ToolCall = defineEntity({
  name: 'ToolCall',
  properties: {
    id: p.uuid().primary(),
    candidateId: () => p.manyToOne(Candidate).mapToPk().fieldName('candidate_id'),
    /** The model turn that asked for it, and its place among that turn's calls. */
    turn: p.integer(),
    position: p.integer(),
    toolUseId: p.text(),
    name: p.text(),
    /** As the model wrote them, parsed where they are JSON. */
    arguments: p.json().$type<unknown>(),
    result: p.text(),
    isError: p.boolean(),
    /** The workspace after the call. */
    tree: p.text().strictNullable(),
    durationMs: p.integer(),
    createdAt: p.datetime(),
  },
  uniques: [{ name: 'tool_call_place_unique', properties: ['candidateId', 'turn', 'position'] }],
})
export type ToolCallRow = Row<typeof ToolCall>
