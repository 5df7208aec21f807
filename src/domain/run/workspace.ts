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
