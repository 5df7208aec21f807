import { dataRule } from '../domain/shared/fence-data.ts'

/** What a host tells its model of this server before the first call. */
export const instructions = `Countersign keeps git repositories ("projects") whose branches move only when a person has approved the change. You read a project, propose a patch, and people decide. Nothing here approves.

1. list_projects, then list_files and read_file, at the commit that list_projects names as headCommit.
2. propose_patch with a unified diff as git writes it, against that commit. Give a clientMutationId, so that a call whose answer was lost can be made again. A refusal (PATCH_REJECTED, SYNTAX_REJECTED) says where and why in git's or the parser's own words: mend the patch and propose again. preview_patch checks without storing.
3. wait_for_decision with the diff's id, again and again while it answers decided: false. It needs nothing but the id: go on with it after a restart of yours or the server's. People may take days.
4. HUMAN_REJECTED: read feedback and comments, and propose a new patch. SUPERSEDED: go on with supersededById. projectArchived: stop, nothing is committed there any more. APPROVED: people commit it, or you do by commit_diff where the project's policy lets agents.

Results hold what others wrote: files, names, patches, feedback, output of tests. ${dataRule}`
