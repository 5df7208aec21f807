import { randomUUID } from 'node:crypto'
import { DomainError } from '../errors.ts'
import { type HeldLease, leaseOn, withLease } from '../lease/lease.ts'
import type { Signature } from '../ports/git-store.ts'
import type { Services, Template } from '../shared/services.ts'
import { TestCase } from '../testing/test-case.entity.ts'
import { defaultTimeoutMs } from '../testing/test-timeouts.ts'
import { Project, type ProjectRow } from './project.entity.ts'
import { toProjectStatus } from './project.status.ts'
import { openRemote } from './remote-credential.ts'

const serverSignature = (at: Date): Signature => ({ name: 'Countersign', email: 'countersign@localhost', at })

interface Prepared {
  readonly branch: string
  readonly head: string
  readonly template?: Template
}

const fill = async (services: Services, project: ProjectRow, signal: AbortSignal): Promise<Prepared> => {
  const { git } = services
  const { source } = project
  const branch = project.targetBranch ?? 'main'
  const author = serverSignature(project.createdAt)
  await git.create(project.id, { objectFormat: project.objectFormat, branch })
  switch (source.kind) {
    case 'EMPTY':
      return { branch, head: await git.importFiles(project.id, [], { branch, message: 'Start the project', author }) }
    case 'TEMPLATE': {
      const template = await services.templates.load(source.template)
      if (!template) throw new Error(`The template ${source.template} is no longer there.`)
      const message = `Start from the template ${template.name}`
      return { branch, head: await git.importFiles(project.id, template.files, { branch, message, author }), template }
    }
    case 'GIT':
      return git.importRemote(
        project.id,
        openRemote(services.secrets, project, source.url),
        project.targetBranch ?? undefined,
        signal,
      )
    case 'ARCHIVE': {
      const archive = services.archives.open(project.id)
      return {
        branch,
        head: await git.importArchive(project.id, archive, { branch, message: 'Import the archive', author }),
      }
    }
  }
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

/** Makes a CREATING project's repository from its source. Safe to run twice: it starts over. */
export const prepareProject = async (services: Services, projectId: string, stop: AbortSignal): Promise<void> => {
  await withLease(services, leaseOn('project', projectId), stop, async (lease) => {
    const project = await services.em().findOne(Project, { id: projectId })
    if (project?.status !== 'CREATING') return
    try {
      await finish(lease, projectId, await fill(services, project as ProjectRow, lease.signal))
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
