import { z } from 'zod'
import { defineJob } from './job.ts'

export const prepareProjectJob = defineJob({
  name: 'prepare-project',
  pool: 'maintenance',
  payload: z.strictObject({ projectId: z.uuid() }),
})
