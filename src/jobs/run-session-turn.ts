import { z } from 'zod'
import { defineJob } from './job.ts'

export const runSessionTurnJob = defineJob({
  name: 'run-session-turn',
  pool: 'sessions',
  payload: z.strictObject({ sessionId: z.uuid() }),
})
