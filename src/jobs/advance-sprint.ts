import { z } from 'zod'
import { defineJob } from './job.ts'

export const advanceSprintJob = defineJob({
  name: 'advance-sprint',
  pool: 'phases',
  payload: z.strictObject({ sprintId: z.uuid() }),
})
