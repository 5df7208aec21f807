import { Migration } from '@mikro-orm/migrations'

export class Migration20261123000000_traces extends Migration {
  override up(): void {
    for (const table of ['outbox', 'sprint', 'session_turn', 'diff']) {
      this.addSql(`alter table "${table}" add column "trace" text null`)
    }
    // A call that no trace records has no trace's id.
    this.addSql(`alter table "model_call" alter column "trace_id" drop not null`)
    this.addSql(`update "model_call" set "trace_id" = null where "scope" not like 'test:%'`)
  }
}
