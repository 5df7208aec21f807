import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { TestServer } from '../support/server.ts'
import { commit, proposed, review } from './gate.ts'

export interface ShownEnvironment {
  readonly setupCommands: readonly (readonly string[])[]
  readonly keyFiles: readonly string[]
  readonly image: string | null
  readonly status: string
  readonly log: string | null
}

/** What setEnvironment answers: the environment, or the error's type and words. */
export interface EnvironmentAnswer {
  readonly __typename: string
  readonly message?: string
  readonly environment: ShownEnvironment
}

type Asked = Pick<TestServer, 'query'>

const fields = 'environment { setupCommands keyFiles image status log }'

export const setEnvironment = async (
  server: Asked,
  projectId: string,
  environment: object,
  token?: string,
): Promise<EnvironmentAnswer> => {
  const document = `mutation ($id: ID!, $environment: EnvironmentInput!) {
    setEnvironment(projectId: $id, environment: $environment) {
      __typename
      ... on Project { ${fields} }
      ... on DomainError { message }
    }
  }`
  return (await server.query(document, { id: projectId, environment }, token)).setEnvironment
}

/** A project's environment as it stands. */
export const shownEnvironment = async (server: Asked, projectId: string): Promise<ShownEnvironment> =>
  (await server.query(`query ($id: ID!) { node(id: $id) { ... on Project { ${fields} } } }`, { id: projectId })).node
    .environment

/** The same once it is as wanted; there is no event for it. */
export const environmentWhen = async (
  server: Asked,
  projectId: string,
  isWanted: (environment: ShownEnvironment) => boolean,
): Promise<ShownEnvironment> => {
  for (;;) {
    const environment = await shownEnvironment(server, projectId)
    if (isWanted(environment)) return environment
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The same once its build has ended. */
export const builtEnvironment = (server: Asked, projectId: string): Promise<ShownEnvironment> =>
  environmentWhen(server, projectId, ({ status }) => ['SUCCEEDED', 'FAILED', 'CANCELED'].includes(status))

/** Brings a change to the project's branch, by way of a reviewed diff. */
export const committed = async (server: TestServer, projectId: string, content: string): Promise<void> => {
  const diff = await proposed(server, projectId, { content })
  await review(server, diff)
  const answer = await commit(server, diff.id)
  if (answer.status !== 'COMMITTED') throw new Error(`${answer.__typename}: ${answer.message}`)
}

export const shell = (script: string): readonly string[] => ['sh', '-c', script]

/** A place at which setup commands wait: they have the machine's network, and with it the test's own port. */
export interface Hold extends AsyncDisposable {
  /** A command that arrives here and ends when it is let go. */
  readonly command: readonly string[]
  /** Resolves when so many commands have arrived. */
  arrived(times: number): Promise<void>
  letGo(): void
}

export const createHold = async (): Promise<Hold> => {
  const held: Socket[] = []
  let isOpen = false
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    held.push(socket)
    server.emit('held')
    if (isOpen) socket.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    command: ['node', '-e', `require('net').connect(${port}, '127.0.0.1').on('close', () => process.exit(0)).resume()`],
    async arrived(times) {
      while (held.length < times) await once(server, 'held')
    },
    letGo() {
      isOpen = true
      for (const socket of held) socket.end()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of held) socket.destroy()
      server.close()
    },
  }
}
