import { defineEntity, p } from '@mikro-orm/core'
import type { ConversationMessage } from '../ports/model-provider.ts'
import type { Row } from '../shared/row.ts'
import { AgentRun } from './agent-run.entity.ts'

/** What was said up to here, and whose words they are. Checkpoints of an earlier version have no conversation. */
export interface CheckpointState {
  readonly conversation?: readonly ConversationMessage[]
  /** The candidate that had the conversation; none at the start. */
  readonly candidateId?: string
  readonly output?: string | null
  /** How it was selected, at a decision. */
  readonly method?: string
}

export const Checkpoint = defineEntity({
  name: 'Checkpoint',
  properties: {
    id: p.uuid().primary(),
    runId: () => p.manyToOne(AgentRun).mapToPk().fieldName('run_id'),
    sequence: p.integer(),
    /** start, candidate:{label} or decision. */
    label: p.text(),
    state: p.json().$type<CheckpointState>(),
    tree: p.text(),
    createdAt: p.datetime(),
  },
  uniques: [
    { name: 'checkpoint_sequence_unique', properties: ['runId', 'sequence'] },
    { name: 'checkpoint_label_unique', properties: ['runId', 'label'] },
  ],
})
export type CheckpointRow = Row<typeof Checkpoint>
