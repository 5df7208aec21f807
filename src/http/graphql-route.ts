import type { IncomingMessage } from 'node:http'
import { foreignPage, isFromForeignPage } from './foreign-page.ts'
import type { GraphQLServer } from './graphql-server.ts'
import { readBody, refuse, tooLarge } from './respond.ts'
import type { Route } from './route.ts'
import type { SignedIn, SignIn } from './sign-in.ts'

// The largest patch is 5 MiB, and JSON may double it; archives come as multipart and have their own limit.
export const maxBodyBytes = 16 * 1024 * 1024
const maxArchiveBytes = 210 * 1024 * 1024

const maxBytes = (request: IncomingMessage): number =>
  request.headers['content-type']?.startsWith('multipart/form-data') ? maxArchiveBytes : maxBodyBytes

/**
 * Serves GraphQL over HTTP and server-sent events, and whatever has no other route. A page of another site can send
 * nothing that changes anything, also where a proxy would add a token to it.
 */
export const graphqlRoute = (yoga: GraphQLServer, signIn: SignIn, corsOrigins: readonly string[]): Route => ({
  name: 'GraphQL',
  answers: () => true,
  async serve(request, response) {
    // Reading by GET changes nothing, and what is answered to a foreign page its browser keeps from it.
    if (request.method === 'POST' && isFromForeignPage(request, corsOrigins)) return refuse(response, foreignPage)
    const limit = maxBytes(request)
    if (Number(request.headers['content-length'] ?? 0) > limit) return refuse(response, tooLarge(limit))
    let signedIn: Promise<SignedIn> | undefined
    // Asked here and by the GraphQL server, and counted once.
    const whoAsks = () => {
      signedIn ??= signIn(request, request.headers.authorization)
      return signedIn
    }
    if (request.headers['transfer-encoding'] !== undefined && (await whoAsks()).viewer) {
      // Without a length in its head, a body is read here, and only for those who are signed in.
      const body = await readBody(request, limit)
      if (body === undefined) return refuse(response, tooLarge(limit))
      // Where the HTTP adapter looks for a body that was already read.
      Object.assign(request, { body })
    }
    await yoga(request, response, { whoAsks })
  },
})
