import { z } from 'zod'
import { defineJob } from './job.ts'

/** Among the tests, as the build is: a driver may keep more of a layer than its directory. */
export const removeEnvironmentJob = defineJob({
  name: 'remove-environment',
  pool: 'tests',
  payload: z.strictObject({ environmentId: z.uuid() }),
})
