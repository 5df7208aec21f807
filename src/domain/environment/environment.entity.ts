import { defineEntity, p } from '@mikro-orm/core'
import type { SandboxDriver } from '../ports/sandbox.ts'
import { Project } from '../project/project.entity.ts'
import type { Row } from '../shared/row.ts'
import type { StepStatus } from '../sprint/phase.status.ts'

/** A key file as the base has it; without an object where the base has no file at the path. */
export interface KeyFile {
  readonly path: string
  readonly objectId: string | null
  readonly mode: string | null
}

/** A set-up of a project: its definition on one state of its key files. Its layer lies in the data directory, under the hash. */
export const Environment = defineEntity({
  name: 'Environment',
  properties: {
    id: p.uuid().primary(),
    projectId: () => p.manyToOne(Project).mapToPk().fieldName('project_id'),
    hash: p.text(),
    setupCommands: p.json().$type<readonly (readonly string[])[]>(),
    keyFiles: p.json().$type<readonly KeyFile[]>(),
    image: p.text().strictNullable(),
    driver: p.text().$type<SandboxDriver>(),
    status: p.text().$type<StepStatus>(),
    failure: p.text().strictNullable(),
    /** What the commands wrote, head and tail. */
    log: p.text(),
    createdAt: p.datetime(),
    /** When a run last asked for it. */
    neededAt: p.datetime(),
    startedAt: p.datetime().strictNullable(),
    finishedAt: p.datetime().strictNullable(),
    /** When its layer was removed because nobody had needed it for long. */
    removedAt: p.datetime().strictNullable(),
  },
  uniques: [{ name: 'environment_hash_unique', properties: ['projectId', 'hash'] }],
})
export type EnvironmentRow = Row<typeof Environment>
