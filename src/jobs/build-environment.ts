import { z } from 'zod'
import { defineJob } from './job.ts'

/** Among the tests: a layer is built where there is a sandbox, and by the driver that will use it. */
export const buildEnvironmentJob = defineJob({
  name: 'build-environment',
  pool: 'tests',
  payload: z.strictObject({ environmentId: z.uuid() }),
})
