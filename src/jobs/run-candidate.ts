import { z } from 'zod'
import { defineJob } from './job.ts'

export const runCandidateJob = defineJob({
  name: 'run-candidate',
  pool: 'candidates',
  payload: z.strictObject({ candidateId: z.uuid() }),
})
