import { deleteFile, editFile, writeFile } from './change-tools.ts'
import { listDirectory, readFile } from './read-tools.ts'
import { search } from './search-tool.ts'
import type { Tool } from './tool.ts'

/** The tools that need nothing but the workspace. */
export const workspaceTools: readonly Tool[] = [readFile, listDirectory, search, writeFile, editFile, deleteFile]
