import { z } from 'zod'
import { defineJob } from './job.ts'

export const settleCommitJob = defineJob({
  name: 'settle-commit',
  pool: 'maintenance',
  payload: z.strictObject({ diffId: z.uuid() }),
})
