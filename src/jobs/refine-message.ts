import { z } from 'zod'
import { defineJob } from './job.ts'

export const refineMessageJob = defineJob({
  name: 'refine-message',
  pool: 'sessions',
  payload: z.strictObject({ diffId: z.uuid() }),
})
