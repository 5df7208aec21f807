import { randomUUID } from 'node:crypto'
import { DomainError } from '../errors.ts'
import { type HeldLease, leaseOn, withLease } from '../lease/lease.ts'
import type { ImportedHead, Signature } from '../ports/git-store.ts'
import type { Services, Template } from '../shared/services.ts'
import { TestCase } from '../testing/test-case.entity.ts'
import { defaultTimeoutMs } from '../testing/test-timeouts.ts'
import { Project, type ProjectRow } from './project.entity.ts'
import { toProjectStatus } from './project.status.ts'
import { openRemote } from './remote-credential.ts'

const serverSignature = (at: Date): Signature => ({ name: 'Countersign', email: 'countersign@localhost', at })

interface Prepared extends ImportedHead {
  readonly template: Template | undefined
}

/** Brings the source into a draft. */
const fill = async (
  services: Services,
  project: ProjectRow,
  draft: string,
  template: Template | undefined,
  signal: AbortSignal,
): Promise<ImportedHead> => {
  const { git } = services
  const { source } = project
  const branch = project.targetBranch ?? 'main'
  const author = serverSignature(project.createdAt)
  await git.create(draft, { objectFormat: project.objectFormat, branch })
  switch (source.kind) {
    case 'EMPTY':
      return { branch, head: await git.importFiles(draft, [], { branch, message: 'Start the project', author }) }
    case 'TEMPLATE': {
      const message = `Start from the template ${template?.name}`
      return { branch, head: await git.importFiles(draft, template?.files ?? [], { branch, message, author }) }
    }
    case 'GIT':
      return git.importRemote(
        draft,
        openRemote(services.secrets, project, source.url),
        project.targetBranch ?? undefined,
        signal,
      )
    case 'ARCHIVE': {
      const archive = services.archives.open(project.id)
      return {
        branch,
        head: await git.importArchive(draft, archive, { branch, message: 'Import the archive', author }),
      }
    }
  }
}

const loadTemplate = async (services: Services, { source }: ProjectRow): Promise<Template | undefined> => {
  if (source.kind !== 'TEMPLATE') return undefined
  const template = await services.templates.load(source.template)
  if (!template) throw new Error(`The template ${source.template} is no longer there.`)
  return template
}

/**
 * Makes the repository aside and gives it its name when it is whole. What an earlier try made, or another process while
 * this one was paused, is taken as it is: people may have committed to it by now.
 */
const prepare = async (services: Services, project: ProjectRow, lease: HeldLease): Promise<Prepared> => {
  const { git } = services
  const template = await loadTemplate(services, project)
  const earlier = await git.firstBranch(project.id)
  if (earlier) return { ...earlier, template }
  lease.mayBegin()
  const draft = git.newDraft()
  try {
    const made = await fill(services, project, draft, template, lease.signal)
    lease.mustBeHeld()
    if (await git.publish(draft, project.id)) return { ...made, template }
  } finally {
    await git.remove(draft)
  }
  const others = await git.firstBranch(project.id)
  if (!others) throw new Error(`The repository ${git.directory(project.id)} has no commit.`)
  return { ...others, template }
}

const finish = (lease: HeldLease, id: string, prepared: Prepared) =>
  lease.transact(async (tx) => {
    const project = await tx.em.findOneOrFail(Project, { id })
    project.status = toProjectStatus(project.status, 'READY')
    project.targetBranch = prepared.branch
    project.headCommit = prepared.head
    for (const testCase of prepared.template?.testCases ?? []) {
      tx.em.create(TestCase, {
        id: randomUUID(),
        projectId: id,
        name: testCase.name,
        command: testCase.command,
        quick: testCase.quick,
        timeoutMs: defaultTimeoutMs(testCase.quick),
        allowModels: testCase.allowModels,
        files: [],
        createdAt: tx.now,
      })
    }
  })

/** Makes a CREATING project's repository from its source. Safe to run twice, and by two at once. */
export const prepareProject = async (services: Services, projectId: string, stop: AbortSignal): Promise<void> => {
  await withLease(services, leaseOn('project', projectId), stop, async (lease) => {
    const project = await services.em().findOne(Project, { id: projectId })
    if (project?.status !== 'CREATING') return
    try {
      await finish(lease, projectId, await prepare(services, project as ProjectRow, lease))
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      await lease.transact(async (tx) => {
        const failed = await tx.em.findOneOrFail(Project, { id: projectId })
        failed.status = toProjectStatus(failed.status, 'FAILED')
        failed.failure = error.message
      })
    }
    if (project.source.kind === 'ARCHIVE') await services.archives.remove(projectId)
  })
}
