import { defineEntity, p } from '@mikro-orm/core'
import type { Row } from '../shared/row.ts'
import { AgentRun } from './agent-run.entity.ts'

export const Checkpoint = defineEntity({
  name: 'Checkpoint',
  properties: {
    id: p.uuid().primary(),
    runId: () => p.manyToOne(AgentRun).mapToPk().fieldName('run_id'),
    sequence: p.integer(),
    /** start, candidate:{label} or decision. */
    label: p.text(),
    state: p.json().$type<Readonly<Record<string, unknown>>>(),
    tree: p.text(),
    createdAt: p.datetime(),
  },
  uniques: [
    { name: 'checkpoint_sequence_unique', properties: ['runId', 'sequence'] },
    { name: 'checkpoint_label_unique', properties: ['runId', 'label'] },
  ],
})
export type CheckpointRow = Row<typeof Checkpoint>
