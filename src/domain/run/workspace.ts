import type { Services } from '../shared/services.ts'

/** A candidate's workspace: a tree in the project's repository, changed by making another tree. */
export interface Workspace {
  readonly projectId: string
  readonly tree: string
}

export interface ToolResult {
  readonly text: string
  readonly isError: boolean
  /** The workspace's tree afterwards. */
  readonly tree: string
}

export const succeed = (workspace: Workspace, text: string, tree = workspace.tree): ToolResult => ({
  text,
  isError: false,
  tree,
})
export const refuse = (workspace: Workspace, text: string): ToolResult => ({
  text,
  isError: true,
  tree: workspace.tree,
})

/** A text file's content; undefined when there is none at that path. */
export const readText = async (services: Services, workspace: Workspace, path: string): Promise<string | undefined> => {
  const file = await services.git.readFile(workspace.projectId, workspace.tree, path)
  return file?.content.toString('utf8')
}
