import { Migration } from '@mikro-orm/migrations'

export class Migration20261121120000_versions_remotes_rebases extends Migration {
  override up(): void {
    this.addSql(`create table "blob_digest" (
      "project_id" uuid not null,
      "object_id" text not null,
      "sha256" text not null,
      "size" bigint not null,
      primary key ("project_id", "object_id")
    )`)
    this.addSql(`create table "diff_view" (
      "diff_id" uuid not null,
      "actor_id" uuid not null,
      "seen_at" timestamptz not null,
      primary key ("diff_id", "actor_id")
    )`)
    this.addSql(`create table "push" (
      "diff_id" uuid not null,
      "status" text not null,
      "attempts" int not null,
      "error" text null,
      "next_at" timestamptz not null,
      primary key ("diff_id")
    )`)
    this.addSql(`create table "version" (
      "id" uuid not null,
      "project_id" uuid not null,
      "parent_id" uuid null,
      "commit_oid" text not null,
      "tree" text not null,
      "message" text not null,
      "manifest_hash" text not null,
      "file_count" int not null,
      "total_bytes" bigint not null,
      "created_by_id" uuid not null,
      "created_at" timestamptz not null,
      primary key ("id")
    )`)
    this.addSql(`create index "version_project_id_created_at_index" on "version" ("project_id", "created_at")`)
    this.addSql(`alter table "project" add "remote_credential" text null`)
    this.addSql(`alter table "project" add "push_on_commit" boolean not null default false`)
    this.addSql(`alter table "project" alter column "push_on_commit" drop default`)
    this.addSql(`alter table "project" add "maintained_at" timestamptz null`)
    this.addSql(`alter table "review" add "carried_from_id" uuid null`)
    this.addSql(
      `alter table "blob_digest" add constraint "blob_digest_project_id_foreign" foreign key ("project_id") references "project" ("id")`,
    )
    this.addSql(
      `alter table "diff_view" add constraint "diff_view_diff_id_foreign" foreign key ("diff_id") references "diff" ("id") on update cascade on delete cascade`,
    )
    this.addSql(
      `alter table "diff_view" add constraint "diff_view_actor_id_foreign" foreign key ("actor_id") references "actor" ("id") on update cascade on delete cascade`,
    )
    this.addSql(
      `alter table "push" add constraint "push_diff_id_foreign" foreign key ("diff_id") references "diff" ("id") on update cascade on delete cascade`,
    )
    this.addSql(
      `alter table "version" add constraint "version_project_id_foreign" foreign key ("project_id") references "project" ("id")`,
    )
    this.addSql(
      `alter table "version" add constraint "version_parent_id_foreign" foreign key ("parent_id") references "version" ("id") on delete set null`,
    )
    this.addSql(
      `alter table "version" add constraint "version_created_by_id_foreign" foreign key ("created_by_id") references "actor" ("id")`,
    )
    this.addSql(
      `alter table "review" add constraint "review_carried_from_id_foreign" foreign key ("carried_from_id") references "review" ("id") on delete set null`,
    )
  }
}
