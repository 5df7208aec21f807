import { z } from 'zod'
import { defineJob } from './job.ts'

export const runInterviewJob = defineJob({
  name: 'run-interview',
  pool: 'planning',
  payload: z.strictObject({ specId: z.uuid() }),
})
