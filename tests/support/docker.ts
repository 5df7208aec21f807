import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import {
  createDockerEngine,
  DEFAULT_ENGINE,
  type DockerEngine,
  enginePath,
} from '../../src/adapters/sandbox/docker-engine.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** The engine of this machine, whether it answers or not. */
export function testEngine(): DockerEngine {
  return createDockerEngine(enginePath(process.env.DOCKER_HOST ?? DEFAULT_ENGINE) ?? '/nowhere')
}

export interface ScriptedEngine extends AsyncDisposable {
  readonly host: string
  /** Method and path of each request so far. */
  readonly requests: readonly string[]
}

/** A server on a socket of its own that answers as a test says, for what a real engine does only when it breaks. */
export async function scriptedEngine(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<ScriptedEngine> {
  const directory = await temporaryDirectory()
  const path = join(directory.path, 'docker.sock')
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url?.split('?')[0]}`)
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return {
    host: `unix://${path}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await directory[Symbol.asyncDispose]()
    },
  }
}
