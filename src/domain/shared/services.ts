import type { EntityManager } from '@mikro-orm/postgresql'
import type { Job, Pool } from '../../jobs/job.ts'
import type { HeldLeases } from '../lease/held-leases.ts'
import type { Retention } from '../maintenance/retention.ts'
import type { StoredJob } from '../outbox/insert-jobs.ts'
import type { Checkouts } from '../ports/checkouts.ts'
import type { CodeAnalyzer } from '../ports/code-analyzer.ts'
import type { GitStore } from '../ports/git-store.ts'
import type { Measure } from '../ports/measure.ts'
import type { ModelGateway } from '../ports/model-gateway.ts'
import type { ModelProvider, Provider, TokenCount } from '../ports/model-provider.ts'
import type { Queues } from '../ports/queues.ts'
import type { Sandbox, SandboxLimits } from '../ports/sandbox.ts'
import type { Secrets } from '../ports/secrets.ts'
import type { Signer } from '../ports/signer.ts'
import type { TextFeed } from '../ports/text-feed.ts'
import type { Tracer } from '../ports/tracer.ts'
import type { WebhookSender } from '../ports/webhook-sender.ts'
import type { ModelLimits } from '../testing/model-limits.ts'
import type { Bounds } from './bounds.ts'
import type { Redact } from './redact-secrets.ts'

export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What there is to publish, or room for, as far as that is known. */
export interface OutboxNews {
  /** Jobs whose transaction was committed just now. */
  readonly stored?: readonly StoredJob[]
  /** The pool from whose queue a job was taken. */
  readonly taken?: Pool
}

/** Tells other parts, in this process and others, that there is something to read. May be lost without harm. */
export interface Wake {
  outbox(news?: OutboxNews): void
  events(): void
  /** Leases were revoked: whoever holds some looks whether they are still theirs. */
  leases(): void
}

/** The providers that are configured, and what their tokens cost. */
export interface Models {
  readonly configured: readonly ModelProvider[]
  get(provider: Provider): ModelProvider | undefined
  /** In US dollars; null when the model's price is not known. */
  costOf(model: string, tokens: TokenCount): number | null
  /** The longest input that a model takes, in tokens; a cautious figure for one that is not known. */
  inputLimitOf(model: string): number
  /** Who judges: the configured judge, or the first provider. */
  readonly judge: { readonly provider: Provider; readonly model: string } | undefined
  /**
   * Who answers in a session: the configured one, otherwise a strong model that codes and a small one that judges, of
   * the provider that is named or of the first.
   */
  sessionModel(
    role: 'coder' | 'evaluator',
    provider: Provider | null,
  ): { readonly provider: Provider; readonly model: string } | undefined
}

/** A sample project's files and test cases. */
export interface Template {
  readonly name: string
  readonly description: string
  readonly testCases: readonly {
    readonly name: string
    readonly command: readonly string[]
    readonly quick: boolean
    readonly allowModels: boolean
  }[]
  readonly files: readonly { readonly path: string; readonly mode: '100644' | '100755'; readonly content: Buffer }[]
}

/** Uploaded archives wait here until they are imported. */
export interface ArchiveStore {
  save(projectId: string, content: AsyncIterable<Uint8Array>): Promise<void>
  open(projectId: string): AsyncIterable<Uint8Array>
  remove(projectId: string): Promise<void>
}

/** The server that a remote's URL leads to; a file has no host. */
export interface RemoteTarget {
  readonly protocol: string
  readonly host: string | null
  readonly port: number | null
}

/** Everything a command may need. Built once per process, replaced in parts by tests. */
export interface Services {
  /** A fresh fork: one per request, job and event. */
  readonly em: () => EntityManager
  readonly clock: () => Date
  readonly log: Logger
  /** Counts and times what is done. */
  readonly measure: Measure
  readonly tracer: Tracer
  /** Takes out what this process knows as a secret, and what has the form of one. */
  readonly redact: Redact
  readonly wake: Wake
  /** How much work waits in the queues. */
  readonly queues: Pick<Queues, 'counts'>
  /** Every job that this version knows. */
  readonly jobs: readonly Job[]
  readonly textFeed: TextFeed
  readonly git: GitStore
  readonly sandbox: Sandbox
  readonly limits: SandboxLimits
  /** Where the layer of the environment with this hash is, or will be. */
  readonly layerDirectory: (hash: string) => string
  readonly checkouts: Checkouts
  readonly analyzer: CodeAnalyzer
  readonly models: Models
  /** How a test that may call models reaches them, and how much of them it may use. */
  readonly gateway: ModelGateway
  readonly modelLimits: ModelLimits
  readonly bounds: Bounds
  readonly retention: Retention
  readonly templates: { list(): Promise<readonly string[]>; load(name: string): Promise<Template | undefined> }
  readonly archives: ArchiveStore
  readonly secrets: Secrets
  readonly webhooks: WebhookSender
  /** Signs the evidence of commits. */
  readonly signer: Signer
  /** Where a URL leads. Throws SourceRejectedError for one that configuration does not allow. */
  readonly checkRemoteUrl: (url: string) => RemoteTarget
  /** Who holds this process's leases; unique per process. */
  readonly processName: string
  readonly heldLeases: HeldLeases
  readonly leaseMs: number
  /** How often a holder renews its lease at the least, and so sees that it was revoked when nobody tells it. */
  readonly renewMs: number
}
