import { z } from 'zod'
import { defineJob } from './job.ts'

export const pushCommitJob = defineJob({
  name: 'push-commit',
  pool: 'maintenance',
  payload: z.strictObject({ diffId: z.uuid() }),
})
