import { z } from 'zod'
import { defineJob } from './job.ts'

export const autoRebaseJob = defineJob({
  name: 'auto-rebase',
  pool: 'maintenance',
  payload: z.strictObject({ diffId: z.uuid() }),
})
