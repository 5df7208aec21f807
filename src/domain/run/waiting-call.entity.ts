import { defineEntity, p } from '@mikro-orm/core'
import type { Provider } from '../ports/model-provider.ts'
import { Project } from '../project/project.entity.ts'

/** A call that waits until its provider and project have a slot; as long as the lease is held under which it waits. */
export const WaitingCall = defineEntity({
  name: 'WaitingCall',
  properties: {
    id: p.bigint('string').primary().autoincrement(),
    provider: p.text().$type<Provider>(),
    projectId: () => p.manyToOne(Project).mapToPk().fieldName('project_id'),
    lease: p.text(),
    fence: p.bigint('number'),
  },
})
