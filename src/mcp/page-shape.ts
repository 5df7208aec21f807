import { z } from 'zod'
import { maxPageSize } from '../schema/pages.ts'

/** The arguments of every list. */
export const pageInput = {
  first: z.int().min(1).max(maxPageSize).default(50).describe('How many at most.'),
  after: z.string().max(10_000).optional().describe('nextCursor of the page before; none for the first page.'),
}

export const nextCursor = z.string().nullable().describe('Give it as `after` for the next page; null at the end.')

interface Connection<Node> {
  readonly edges: readonly ({ readonly node: Node } | null | undefined)[] | null | undefined
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor?: string | null | undefined }
}

/** A page of rows as a tool answers it. */
export const toPage = <Node>({ edges, pageInfo }: Connection<Node>) => ({
  nodes: (edges ?? []).flatMap((edge) => (edge ? [edge.node] : [])),
  nextCursor: pageInfo.hasNextPage ? (pageInfo.endCursor ?? null) : null,
})
