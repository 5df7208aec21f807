import { Migration } from '@mikro-orm/migrations'

export class Migration20261121180000_blob_analyses extends Migration {
  override up(): void {
    this.addSql(`create table "blob_analysis" (
      "project_id" uuid not null,
      "object_id" text not null,
      "name_hash" text not null,
      "analyzer_version" text not null,
      "analysis" jsonb not null,
      "created_at" timestamptz not null,
      primary key ("project_id", "object_id", "name_hash", "analyzer_version")
    )`)
    this.addSql(
      `alter table "blob_analysis" add constraint "blob_analysis_project_id_foreign" foreign key ("project_id") references "project" ("id")`,
    )
  }
}
