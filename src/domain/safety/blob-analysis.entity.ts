import { defineEntity, p } from '@mikro-orm/core'
import type { FileAnalysis } from '../ports/code-analyzer.ts'
import { Project } from '../project/project.entity.ts'

/** What is known of a content, without its path: the same content may be in a project under several. */
export const BlobAnalysis = defineEntity({
  name: 'BlobAnalysis',
  properties: {
    projectId: () => p.manyToOne(Project).mapToPk().primary().fieldName('project_id'),
    objectId: p.text().primary(),
    /** A hash of everything else that the analysis depends on: the name, and whether it decides about builds. */
    nameHash: p.text().primary(),
    analyzerVersion: p.text().primary(),
    analysis: p.json().$type<KeptAnalysis>(),
    createdAt: p.datetime(),
  },
})

type WithoutPath<Part> = Omit<Part, 'path'>

/** A file's analysis without the file's path. */
export interface KeptAnalysis extends Omit<FileAnalysis, 'path' | 'uses' | 'syntaxFaults' | 'findings'> {
  readonly uses: readonly WithoutPath<FileAnalysis['uses'][number]>[]
  readonly syntaxFaults: readonly WithoutPath<FileAnalysis['syntaxFaults'][number]>[]
  readonly findings: readonly WithoutPath<FileAnalysis['findings'][number]>[]
}
