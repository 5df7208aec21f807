import { z } from 'zod'
import { defineJob } from './job.ts'

/** Of the whole deployment: it has no ids. */
export const trimLogsJob = defineJob({
  name: 'trim-logs',
  pool: 'maintenance',
  payload: z.strictObject({}),
})
