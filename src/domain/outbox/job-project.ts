import { type RawBuilder, sql } from 'kysely'

type Payload = Readonly<Record<string, string>>

const ofRow =
  (table: string) =>
  (id: string): RawBuilder<string> =>
    sql`(select project_id from ${sql.table(table)} where id = ${id})`

/** Whose work a job is, by the id that its payload has. */
const projectsOf: Readonly<Record<string, (id: string) => RawBuilder<string>>> = {
  projectId: (id) => sql`${id}::uuid`,
  specId: ofRow('spec'),
  sprintId: ofRow('sprint'),
  runId: ofRow('agent_run'),
  candidateId: (id) =>
    sql`(select project_id from agent_run where id = (select run_id from candidate where candidate.id = ${id}))`,
  sessionId: ofRow('session'),
  testRunId: ofRow('test_run'),
  environmentId: ofRow('environment'),
  diffId: ofRow('diff'),
  webhookId: ofRow('webhook'),
}

/** The id of the project that a job works for, as an expression to be stored; null for a job of none. */
export const projectOfJob = (payload: Payload): RawBuilder<string> | null => {
  for (const [name, id] of Object.entries(payload)) {
    const project = projectsOf[name]?.(id)
    if (project) return project
  }
  return null
}
