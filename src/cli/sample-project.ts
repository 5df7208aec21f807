import { z } from 'zod'
import { createProject } from './demo/operations.ts'
import { sampleTemplate } from './demo/sample-task.ts'
import type { GraphQLClient, Operation } from './graphql-client.ts'

const name = 'calculator (sample)'

const page = z.object({
  projects: z.object({
    nodes: z.array(z.object({ name: z.string() })),
    pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
  }),
})
export const projectNames: Operation<z.output<typeof page>> = {
  document: `query ProjectNames($after: String) {
    projects(first: 100, after: $after, includeArchived: true) {
      nodes { name } pageInfo { hasNextPage endCursor }
    }
  }`,
  data: page,
}

/** Makes the sample project unless there is one, also one that was archived. */
export const ensureSampleProject = async (client: GraphQLClient): Promise<void> => {
  let after: string | null = null
  do {
    const { projects }: z.output<typeof page> = await client.query(projectNames, { after })
    if (projects.nodes.some((project) => project.name === name)) return
    after = projects.pageInfo.hasNextPage ? projects.pageInfo.endCursor : null
  } while (after !== null)
  // Two processes that start at once make one.
  const input = { name, source: { template: sampleTemplate }, clientMutationId: 'sample-project' }
  await client.mutate(createProject, { input })
}
