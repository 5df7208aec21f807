const ofRow = (table: string): string => `(select project_id from ${table} where ${table}.id = asked.subject_id)`

/** Whose work a job is, by the id that its payload has: what each of them is the id of, as SQL. */
const projects = {
  projectId: 'asked.subject_id',
  specId: ofRow('spec'),
  sprintId: ofRow('sprint'),
  runId: ofRow('agent_run'),
  candidateId:
    '(select project_id from agent_run where id = (select run_id from candidate where candidate.id = asked.subject_id))',
  sessionId: ofRow('session'),
  testRunId: ofRow('test_run'),
  environmentId: ofRow('environment'),
  diffId: ofRow('diff'),
  webhookId: ofRow('webhook'),
} as const

/** What a job is about; null where it is about none of these. */
export const subjectOf = (payload: Readonly<Record<string, string>>) => {
  const [name, id] = Object.entries(payload).find(([each]) => Object.hasOwn(projects, each)) ?? [null, null]
  return { subject: name, subject_id: id }
}

/** The id of the project that a job works for, where `asked` has what `subjectOf` says; null for a job of none. */
export const projectOfAsked = `case asked.subject ${Object.entries(projects)
  .map(([name, project]) => `when '${name}' then ${project}`)
  .join(' ')} end`
