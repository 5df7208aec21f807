import { Migration } from '@mikro-orm/migrations'

export class Migration20261122000000_processes extends Migration {
  override up(): void {
    this.addSql(
      `create table "process" ("id" text not null, "name" text not null, "pool" text null, "concurrency" int null, "running" int not null, "host" text not null, "version" text not null, "sandbox" jsonb not null, "started_at" timestamptz not null, "seen_at" timestamptz not null, primary key ("id"))`,
    )
  }

  override down(): void {
    this.addSql(`drop table "process"`)
  }
}
