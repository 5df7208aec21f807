import { z } from 'zod'
import type { GraphQLClient, Operation } from '../graphql-client.ts'
import { type Check, limited } from './check.ts'

interface People {
  readonly actors: { readonly nodes: readonly { readonly kind: string; readonly disabledAt: string | null }[] }
  readonly projects: {
    readonly nodes: readonly { readonly name: string; readonly policy: { readonly allowSelfApproval: boolean } }[]
  }
}

/** The newest hundred of each: enough to say that there is something to decide. */
export const readSelfApproval: Operation<People> = {
  document: `query SelfApproval {
    actors(first: 100) { nodes { kind disabledAt } }
    projects(first: 100) { nodes { name policy { allowSelfApproval } } }
  }`,
  data: z.object({
    actors: z.object({ nodes: z.array(z.object({ kind: z.string(), disabledAt: z.string().nullable() })) }),
    projects: z.object({
      nodes: z.array(z.object({ name: z.string(), policy: z.object({ allowSelfApproval: z.boolean() }) })),
    }),
  }),
}

const named = 3

/**
 * One person must be able to begin alone. Once there are two, it is a decision whether the author of a change may be
 * its only approver. To be asked by an ADMIN.
 */
export const checkSelfApproval = async (client: GraphQLClient): Promise<readonly Check[]> => {
  const { actors, projects } = await client.query(readSelfApproval)
  const people = actors.nodes.filter(({ kind, disabledAt }) => kind === 'HUMAN' && disabledAt === null).length
  const lenient = projects.nodes.filter(({ policy }) => policy.allowSelfApproval).map(({ name }) => name)
  if (people < 2 || lenient.length === 0) return []
  const rest = lenient.length > named ? ` and ${lenient.length - named} more` : ''
  return [
    limited(
      'approvals',
      `there are ${people} people, and who made a change may approve it alone in ${lenient.slice(0, named).join(', ')}${rest}`,
      'setApprovalPolicy with allowSelfApproval: false, where that is not meant',
    ),
  ]
}
