import type { Tool } from '../tool.ts'
import { commitDiff, getDiff, listPendingApprovals } from './diffs.ts'
import { listFiles, listProjects, readFile } from './projects.ts'
import { previewPatch, proposePatch } from './proposals.ts'
import { createSnapshot, exportVersion, getManifest } from './versions.ts'
import { waitForDecision } from './wait-for-decision.ts'

/** Everything that an agent can do here. Nothing of it approves: only people review, and not through this server. */
export const tools: readonly Tool[] = [
  listProjects,
  listFiles,
  readFile,
  createSnapshot,
  previewPatch,
  proposePatch,
  getDiff,
  waitForDecision,
  listPendingApprovals,
  getManifest,
  exportVersion,
  commitDiff,
]
