import { sql } from 'kysely'
import { maxRounds } from '../session/turn-scope.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'

const pageSize = 5_000

/**
 * The trees that rows of a project speak of. Many have no reference of their own: a workspace that is being worked in,
 * or whose candidate failed, a checkpoint's, a test run's. A tool's result is needed until its candidate has ended.
 * Diffs and versions have one; should it get lost, their contents are still there. In pages, each tree once.
 */
export async function* spokenTrees(em: Services['em'], projectId: string): AsyncGenerator<readonly string[]> {
  let after = ''
  for (;;) {
    const { rows: page } = await sql<{ tree: string }>`
      select tree from (
        select start_tree as tree from agent_run where project_id = ${projectId}
        union select candidate.tree from candidate join agent_run on agent_run.id = candidate.run_id
          where agent_run.project_id = ${projectId}
        union select checkpoint.tree from checkpoint join agent_run on agent_run.id = checkpoint.run_id
          where agent_run.project_id = ${projectId}
        union select tool_call.tree from tool_call join candidate on candidate.id = tool_call.candidate_id
          join agent_run on agent_run.id = candidate.run_id
          where agent_run.project_id = ${projectId} and candidate.status in ('PENDING', 'RUNNING')
        union select start_tree from session_turn join session on session.id = session_turn.session_id
          where session.project_id = ${projectId}
        union select session_turn.tree from session_turn join session on session.id = session_turn.session_id
          where session.project_id = ${projectId}
        union select submitted_tree from message join session on session.id = message.session_id
          where session.project_id = ${projectId}
        union select tool_call.tree from session_turn join session on session.id = session_turn.session_id
          cross join generate_series(1, ${maxRounds}) as round
          join tool_call on tool_call.scope = 'session-turn:' || session_turn.id || ':coder:' || round
          where session.project_id = ${projectId} and session_turn.status = 'RUNNING'
        union select working_tree from sprint where project_id = ${projectId}
        union select tree from test_run where project_id = ${projectId}
        union select base_tree from test_run where project_id = ${projectId}
        union select result_tree from diff where project_id = ${projectId}
        union select tree from version where project_id = ${projectId}
      ) as spoken
      where tree > ${after}
      order by tree
      limit ${pageSize}`.execute(rows(em()))
    const last = page.at(-1)
    if (!last) return
    yield page.map(({ tree }) => tree)
    after = last.tree
  }
}
