import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import { Project } from '../project/project.entity.ts'
import type { Row } from '../shared/row.ts'

/** A snapshot of a workspace: a commit under refs/countersign/versions, and the hash of its manifest. */
export const Version = defineEntity({
  name: 'Version',
  properties: {
    id: p.uuid().primary(),
    projectId: () => p.manyToOne(Project).mapToPk().fieldName('project_id'),
    /** The project's newest version when this one was made. */
    parentId: () => p.manyToOne(Version).mapToPk().strictNullable().fieldName('parent_id'),
    commitOid: p.text(),
    tree: p.text(),
    message: p.text(),
    manifestHash: p.text(),
    fileCount: p.integer(),
    totalBytes: p.bigint('number'),
    createdById: () => p.manyToOne(Actor).mapToPk().fieldName('created_by_id'),
    createdAt: p.datetime(),
  },
  indexes: [{ name: 'version_project_id_created_at_index', properties: ['projectId', 'createdAt'] }],
})
export type VersionRow = Row<typeof Version>
