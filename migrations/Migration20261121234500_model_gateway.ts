import { Migration } from '@mikro-orm/migrations'

export class Migration20261121234500_model_gateway extends Migration {
  override up(): void {
    for (const table of ['test_case', 'test_definition']) {
      this.addSql(`alter table "${table}" add "allow_models" boolean not null default false`)
      this.addSql(`alter table "${table}" alter column "allow_models" drop default`)
    }
    this.addSql(`alter table "test_result" add "trace_id" text null`)
    this.addSql(`alter table "test_run" add "requested_by_id" uuid null`)
    this.addSql(
      `alter table "test_run" add constraint "test_run_requested_by_id_foreign" foreign key ("requested_by_id") references "actor" ("id") on delete set null`,
    )
  }
}
