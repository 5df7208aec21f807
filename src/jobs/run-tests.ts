import { z } from 'zod'
import { defineJob } from './job.ts'

export const runTestsJob = defineJob({
  name: 'run-tests',
  pool: 'tests',
  payload: z.strictObject({ testRunId: z.uuid() }),
})
