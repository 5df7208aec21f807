import type { ToolCallRow } from '../../domain/run/tool-call.entity.ts'
import { builder } from '../builder.ts'
import { partOfMegabytes } from '../weight.ts'

export const ToolCallRef = builder.objectRef<ToolCallRow>('ToolCall').implement({
  description: 'One use of a tool.',
  fields: (t) => ({
    name: t.exposeString('name', { description: "As the model wrote it: it may not be a tool's." }),
    arguments: t.field({ type: 'JSON', extensions: partOfMegabytes, resolve: (call) => call.arguments }),
    result: t.exposeString('result', { description: 'What the model was told.', extensions: partOfMegabytes }),
    isError: t.exposeBoolean('isError'),
    replayed: t.exposeBoolean('replayed', {
      description: 'The result is that of the run which this one continues: nothing was done again.',
    }),
    durationMs: t.exposeInt('durationMs'),
  }),
})
