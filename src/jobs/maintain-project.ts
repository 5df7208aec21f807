import { z } from 'zod'
import { defineJob } from './job.ts'

export const maintainProjectJob = defineJob({
  name: 'maintain-project',
  pool: 'maintenance',
  payload: z.strictObject({ projectId: z.uuid() }),
})
