import { Migration } from '@mikro-orm/migrations'

/** What a policy of before says of the rules that came since. */
const laterRules = {
  guardTests: true,
  autoRebase: false,
  agentsMayCommit: false,
  protectedPaths: [],
  escalations: [],
  autoApprove: [],
}

export class Migration20261121235500_gate extends Migration {
  override up(): void {
    this.addSql(`update "project" set "policy" = '${JSON.stringify(laterRules)}'::jsonb || "policy"`)
    this.addSql(`alter table "review" add "token_role" text null, add "rule" text null`)
  }
}
