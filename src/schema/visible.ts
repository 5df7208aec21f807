import type { GraphQLContext } from './context.ts'

/** The row if its project is one that the viewer can see, otherwise null: what is hidden does not exist. */
export const visible = async <Row>(
  { load }: Pick<GraphQLContext, 'load'>,
  row: Row | null | undefined,
  projectId: string | undefined,
): Promise<Row | null> => {
  if (row === null || row === undefined || projectId === undefined) return null
  const projects = await load.visibleProjects()
  return projects === null || projects.includes(projectId) ? row : null
}

/** The same for what belongs to a run. */
export const visibleOfRun = async <Row extends { readonly runId: string }>(
  { load }: Pick<GraphQLContext, 'load'>,
  row: Row | null | undefined,
): Promise<Row | null> => (row ? visible({ load }, row, (await load.run.load(row.runId))?.projectId) : null)

/** The same for what only an ADMIN of the project may see. */
export const administered = async <Row>(
  { load }: Pick<GraphQLContext, 'load'>,
  row: Row | null | undefined,
  projectId: string | undefined,
): Promise<Row | null> => {
  if (row === null || row === undefined || projectId === undefined) return null
  const projects = await load.administeredProjects()
  return projects === null || projects.includes(projectId) ? row : null
}
