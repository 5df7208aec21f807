import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** In seconds, for what a request or a call of a database takes. */
const short = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
/** The same for what a model or a test takes. */
const long = [0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600]
/** The same for what a person takes. */
const human = [60, 300, 900, 1_800, 3_600, 4 * 3_600, 8 * 3_600, 86_400, 3 * 86_400, 7 * 86_400, 14 * 86_400]

/** What this process counts and times itself. */
export const createCounted = (registry: Registry) => {
  const registers = [registry]
  const model = ['provider', 'model'] as const
  return {
    jobs: new Histogram({
      name: 'countersign_job_duration_seconds',
      help: 'How long jobs took: done, failed (tried again by the queue) or left (to another worker).',
      labelNames: ['job_name', 'outcome'],
      buckets: long,
      registers,
    }),
    attempts: new Histogram({
      name: 'countersign_provider_attempt_duration_seconds',
      help: 'How long one attempt at a call of a model took, until its whole answer was there or it failed.',
      labelNames: [...model, 'outcome'],
      buckets: long,
      registers,
    }),
    faults: new Counter({
      name: 'countersign_provider_errors_total',
      help: 'Attempts at calls of models that failed, and calls that were not sent (circuit_open), by code.',
      labelNames: [...model, 'code'],
      registers,
    }),
    retries: new Counter({
      name: 'countersign_provider_retries_total',
      help: 'Calls of models that were made again, by the code of what failed before.',
      labelNames: [...model, 'code'],
      registers,
    }),
    tokens: new Counter({
      name: 'countersign_provider_tokens_total',
      help: 'Tokens of answered calls: input (all of it), cached_input (of the input, what the provider had kept) and output.',
      labelNames: [...model, 'kind'],
      registers,
    }),
    cost: new Counter({
      name: 'countersign_provider_cost_usd_total',
      help: 'What answered calls cost by the price list, in US dollars. Calls whose outcome was lost are not in it.',
      labelNames: model,
      registers,
    }),
    commands: new Histogram({
      name: 'countersign_sandbox_run_duration_seconds',
      help: 'How long commands ran in the sandbox: passed, failed, timed_out, out_of_memory, canceled or errored (not run).',
      labelNames: ['driver', 'outcome'],
      buckets: long,
      registers,
    }),
    reviews: new Histogram({
      name: 'countersign_review_wait_seconds',
      help: 'How long diffs had been there when a person gave a verdict.',
      labelNames: ['verdict'],
      buckets: human,
      registers,
    }),
    commits: new Counter({
      name: 'countersign_commits_total',
      help: 'Commits that came to an end: committed, or the code of what refused them (base_drift, approval_required).',
      labelNames: ['outcome'],
      registers,
    }),
    operations: new Histogram({
      name: 'countersign_graphql_operation_duration_seconds',
      help: 'How long GraphQL operations took, by type and the field of the schema they ask for; subscriptions until they were open.',
      labelNames: ['type', 'field'],
      buckets: short,
      registers,
    }),
    operationErrors: new Counter({
      name: 'countersign_graphql_errors_total',
      help: 'Errors in the answers to GraphQL operations, and what was refused before it was one (of WebSockets websocket_ and the code of the close), by code. Errors that are members of a union are answers.',
      labelNames: ['code'],
      registers,
    }),
    subscriptions: new Gauge({
      name: 'countersign_graphql_open_subscriptions',
      help: 'Subscriptions that are open at this process.',
      registers,
    }),
    sockets: new Gauge({
      name: 'countersign_websocket_connections',
      help: 'WebSocket connections that are open at this process.',
      registers,
    }),
  }
}

const ofDeployment = 'Of the whole deployment: every process tells the same.'

/** What is read when somebody asks. */
export const createRead = (registry: Registry) => {
  const gauge = <Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge<Label>({ name: `countersign_${name}`, help, labelNames: [...labelNames], registers: [registry] })
  return {
    build: gauge('build_info', '1, with the version that this process runs.', ['version']),
    backends: gauge('backend_up', 'Whether the figures could be read just now from the database and from the queue.', [
      'backend',
    ]),
    jobs: gauge(
      'queue_jobs',
      `Jobs by place: outbox (asked for, not yet in the queue), waiting, delayed (failed, tried again later), running. ${ofDeployment}`,
      ['pool', 'place'],
    ),
    oldestJob: gauge(
      'queue_oldest_seconds',
      `How long the oldest job has been in the outbox or waiting in the queue; 0 without one. ${ofDeployment}`,
      ['pool', 'place'],
    ),
    slots: gauge('queue_slots', `How many jobs living workers do at once. ${ofDeployment}`, ['pool']),
    diffs: gauge('diffs_waiting', `Diffs that wait for people, by status. ${ofDeployment}`, ['status']),
    oldestDiff: gauge(
      'diffs_oldest_waiting_seconds',
      `How long the oldest diff has waited for people; 0 without one. ${ofDeployment}`,
    ),
    eventLag: gauge(
      'event_lag_seconds',
      'How long the oldest event has been there that this process has not yet given to its subscribers; 0 without one.',
    ),
    webhookLag: gauge(
      'webhook_lag_seconds',
      `How long the oldest event has been there that a living webhook has yet to be sent; 0 without one. ${ofDeployment}`,
    ),
    deadWebhooks: gauge('webhooks_given_up', `Webhooks that were given up and not deleted. ${ofDeployment}`),
  }
}
