import { defineEntity, p } from '@mikro-orm/core'
import { Diff } from '../diff/diff.entity.ts'
import type { Row } from '../shared/row.ts'
import type { PushStatus } from './push.status.ts'

/** A committed diff's way to the remote. Its failure never undoes the commit here. */
export const Push = defineEntity({
  name: 'Push',
  properties: {
    diffId: () => p.manyToOne(Diff).mapToPk().primary().fieldName('diff_id'),
    status: p.text().$type<PushStatus>(),
    attempts: p.integer(),
    /** Of the latest attempt, in git's words; null when it did not fail. */
    error: p.text().strictNullable(),
    /** When a PENDING push is tried next. */
    nextAt: p.datetime(),
  },
})
export type PushRow = Row<typeof Push>
