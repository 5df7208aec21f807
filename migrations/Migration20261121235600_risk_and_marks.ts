import { Migration } from '@mikro-orm/migrations'

export class Migration20261121235600_risk_and_marks extends Migration {
  override up(): void {
    this.addSql(`create table "file_mark" (
      "change_id" uuid not null,
      "actor_id" uuid not null,
      "path" text not null,
      "read_hash" text not null,
      "marked_at" timestamptz not null,
      primary key ("change_id", "actor_id", "path", "read_hash")
    )`)
    this.addSql(
      `alter table "file_mark" add constraint "file_mark_change_id_foreign" foreign key ("change_id") references "diff" ("id")`,
    )
    this.addSql(
      `alter table "file_mark" add constraint "file_mark_actor_id_foreign" foreign key ("actor_id") references "actor" ("id")`,
    )

    // Of the diffs that are there already, read from what is stored of them.
    this.addSql(`alter table "diff" add "risk_facts" jsonb null`)
    this.addSql(`update "diff" set "risk_facts" = jsonb_build_object(
      'paths', (
        select coalesce(jsonb_agg(distinct name), '[]') from jsonb_array_elements(diff.files) file,
          lateral (values (file->>'path'), (case when file->>'kind' <> 'COPIED' then file->>'previousPath' end))
            names(name) where name is not null
      ),
      'moved', (
        select coalesce(jsonb_agg(
          jsonb_build_object('from', file->>'previousPath', 'to', file->>'path') order by place
        ), '[]')
        from jsonb_array_elements(diff.files) with ordinality files(file, place) where file->>'kind' = 'RENAMED'
      ),
      'uses', (
        select coalesce(jsonb_agg(first.use || jsonb_build_object('count', first.count) order by first.place), '[]')
        from (
          select distinct on (use->>'capability', use->>'path')
            use - 'language' - 'column' - 'snippet' as use, place,
            count(*) over (partition by use->>'capability', use->>'path') as count
          from jsonb_array_elements(evaluation.report->'added') with ordinality added(use, place)
          order by use->>'capability', use->>'path', place
        ) first
      ),
      'findings', (
        select coalesce(jsonb_agg(first.finding || jsonb_build_object('count', first.count) order by first.place), '[]')
        from (
          select distinct on (finding->>'code', finding->>'path')
            finding - 'message' as finding, place,
            count(*) over (partition by finding->>'code', finding->>'path') as count
          from jsonb_array_elements((evaluation.report->'issues') || (evaluation.report->'warnings'))
            with ordinality found(finding, place)
          order by finding->>'code', finding->>'path', place
        ) first
      ),
      'tests', (
        select coalesce(jsonb_agg(
          jsonb_build_object('path', coalesce(file->>'previousPath', file->>'path'), 'deleted', file->>'kind' = 'DELETED') order by place
        ), '[]')
        from jsonb_array_elements(diff.files) with ordinality files(file, place)
        where (file->>'isTest')::boolean and file->>'kind' not in ('ADDED', 'COPIED')
      ),
      'binaries', (
        select coalesce(jsonb_agg(file->>'path' order by place), '[]')
        from jsonb_array_elements(diff.files) with ordinality files(file, place) where (file->>'isBinary')::boolean
      ),
      'changedLines', diff.additions + diff.deletions,
      'changedFiles', jsonb_array_length(diff.files)
    ) from "safety_evaluation" evaluation where evaluation.id = diff.safety_id`)
    this.addSql(`alter table "diff" alter column "risk_facts" set not null`)
  }
}
