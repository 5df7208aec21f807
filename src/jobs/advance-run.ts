import { z } from 'zod'
import { defineJob } from './job.ts'

export const advanceRunJob = defineJob({
  name: 'advance-run',
  pool: 'phases',
  payload: z.strictObject({ runId: z.uuid() }),
})
