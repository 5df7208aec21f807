import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { prepareProjectJob } from '../../jobs/prepare-project.ts'
import { requireGlobalRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { openBudget } from '../budget/open-budget.ts'
import { requireCapacity } from '../capacity/require-capacity.ts'
import { noEnvironment } from '../environment/environment-definition.ts'
import { SourceRejectedError } from '../errors.ts'
import { once } from '../shared/once.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { budgetInput, clientMutationId, fieldFault, line, validate } from '../shared/validate.ts'
import { defaultPolicy } from './approval-policy.ts'
import { approvalPolicyInput, mergePolicy } from './approval-policy-input.ts'
import { isBranchName } from './branch-name.ts'
import { checkRemoteUrl } from './check-remote-url.ts'
import { Project, type ProjectSource } from './project.entity.ts'
import { checkFits, remoteCredentialInput, sealCredential } from './remote-credential.ts'

const input = z.object({
  name: line(200),
  source: z.object({
    empty: z.boolean().nullish(),
    template: z.string().max(100).nullish(),
    gitUrl: z.object({ url: z.string().max(2_000), credential: remoteCredentialInput.nullish() }).nullish(),
    archive: z.custom<AsyncIterable<Uint8Array>>().nullish(),
  }),
  targetBranch: z.string().refine(isBranchName, 'is not a branch name that git takes').nullish(),
  objectFormat: z.enum(['SHA1', 'SHA256']).nullish(),
  policy: approvalPolicyInput.nullish(),
  budget: budgetInput.nullish(),
  clientMutationId,
})
export type CreateProjectInput = z.input<typeof input>

const chooseSource = async (services: Services, source: z.output<typeof input>['source']): Promise<ProjectSource> => {
  if (source.empty) return { kind: 'EMPTY' }
  if (source.archive) return { kind: 'ARCHIVE' }
  if (source.template) {
    const known = await services.templates.list()
    if (!known.includes(source.template)) {
      throw fieldFault('source.template', `there is no template of this name; there are ${known.join(', ')}`)
    }
    return { kind: 'TEMPLATE', template: source.template }
  }
  if (source.gitUrl) {
    const { url, credential } = source.gitUrl
    const { protocol } = checkRemoteUrl(services, url, 'source.gitUrl.url')
    if (credential) checkFits(protocol, credential, 'source.gitUrl.credential')
    return { kind: 'GIT', url }
  }
  throw fieldFault('source', 'needs exactly one of empty: true, template, gitUrl or archive')
}

const saveArchive = async (services: Services, id: string, archive: AsyncIterable<Uint8Array>): Promise<void> => {
  try {
    await services.archives.save(id, archive)
  } catch (error) {
    if (error instanceof SourceRejectedError) throw fieldFault('source.archive', error.message)
    throw error
  }
}

/**
 * Stores a project in CREATING; a job makes its repository.
 * @returns its id
 * @throws ForbiddenError, ValidationError, CapacityError
 */
export const createProject = async (services: Services, viewer: Viewer, given: CreateProjectInput): Promise<string> => {
  requireGlobalRole(viewer, 'ADMIN')
  const checked = validate(input, given)
  const source = await chooseSource(services, checked.source)
  const credential = source.kind === 'GIT' ? checked.source.gitUrl?.credential : null
  const id = randomUUID()
  if (checked.source.archive) await saveArchive(services, id, checked.source.archive)
  const storing = transact(services, (tx) =>
    once(tx, viewer, 'createProject', checked.clientMutationId, async () => {
      await requireCapacity(services, tx, null)
      tx.em.create(Project, {
        environment: noEnvironment,
        id,
        name: checked.name,
        status: 'CREATING',
        targetBranch: checked.targetBranch ?? (source.kind === 'GIT' ? null : 'main'),
        objectFormat: checked.objectFormat ?? 'SHA1',
        source,
        remoteUrl: source.kind === 'GIT' ? source.url : null,
        remoteCredential: credential ? sealCredential(services.secrets, id, credential) : null,
        pushOnCommit: false,
        policy: mergePolicy(defaultPolicy, checked.policy ?? {}),
        budgetId: openBudget(tx, checked.budget),
        createdById: viewer.actor.id,
        createdAt: tx.now,
      })
      tx.enqueue(prepareProjectJob, { projectId: id })
      return id
    }),
  )
  let stored: string | undefined
  try {
    stored = await storing
    return stored
  } finally {
    if (stored !== id && checked.source.archive) await services.archives.remove(id)
  }
}
