import { defineEntity, p } from '@mikro-orm/core'
import { Project } from '../project/project.entity.ts'

/** The SHA-256 of a content that some version of the project holds: a git object id in a SHA-1 repository is none. */
export const BlobDigest = defineEntity({
  name: 'BlobDigest',
  properties: {
    projectId: () => p.manyToOne(Project).mapToPk().primary().fieldName('project_id'),
    objectId: p.text().primary(),
    sha256: p.text(),
    /** In bytes. */
    size: p.bigint('number'),
  },
})
