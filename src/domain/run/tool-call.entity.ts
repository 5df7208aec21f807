import { defineEntity, p } from '@mikro-orm/core'
import type { Row } from '../shared/row.ts'
import { Candidate } from './candidate.entity.ts'

/** One use of a tool and what came of it; a stored result is not made again. */
export const ToolCall = defineEntity({
  name: 'ToolCall',
  properties: {
    id: p.uuid().primary(),
    /** The conversation that it belongs to, as of its model calls. */
    scope: p.text(),
    candidateId: () => p.manyToOne(Candidate).mapToPk().strictNullable().fieldName('candidate_id').index(),
    /** The model turn that asked for it, and its place among that turn's calls. */
    turn: p.integer(),
    position: p.integer(),
    toolUseId: p.text(),
    /** SHA-256 of everything that the result depends on. */
    hash: p.text(),
    /** True when the result is an earlier run's, which this one continues, and nothing was done. */
    replayed: p.boolean(),
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
  uniques: [{ name: 'tool_call_place_unique', properties: ['scope', 'turn', 'position'] }],
})
export type ToolCallRow = Row<typeof ToolCall>
