import type { IncomingMessage } from 'node:http'
import type { Measure } from '../domain/ports/measure.ts'
import { foreignPage, isFromForeignPage } from './foreign-page.ts'
import type { GraphQLServer } from './graphql-server.ts'
import { bodyLimits, maxArchiveBytes, maxBodyBytes } from './limits.ts'
import { plainAnswerType, readPlain, sendPlain } from './plain-requests.ts'
import type { Quota } from './quota.ts'
import { makeRoom } from './request-bodies.ts'
import { refuse, tooLarge } from './respond.ts'
import type { Route } from './route.ts'
import type { SignedIn, SignIn } from './sign-in.ts'

export interface GraphQLServing {
  readonly yoga: GraphQLServer
  readonly signIn: SignIn
  readonly corsOrigins: readonly string[]
  /** The bytes of what each token sends. */
  readonly bodies: Quota<string>
  readonly measure: Pick<Measure, 'refused'>
}

const maxBytesOf = (request: IncomingMessage): number =>
  request.headers['content-type']?.startsWith('multipart/form-data') ? maxArchiveBytes : maxBodyBytes

/**
 * Serves GraphQL over HTTP and server-sent events, and whatever has no other route. A page of another site can send
 * nothing that changes anything, also where a proxy would add a token to it.
 */
export const graphqlRoute = ({ yoga, signIn, corsOrigins, bodies, measure }: GraphQLServing): Route => {
  const { fetch: answerPlain } = yoga
  return {
    name: 'GraphQL',
    answers: () => true,
    async serve(request, response) {
      // Reading by GET changes nothing, and what is answered to a foreign page its browser keeps from it.
      if (request.method === 'POST' && isFromForeignPage(request, corsOrigins)) return refuse(response, foreignPage)
      const maxBytes = maxBytesOf(request)
      const length = Number(request.headers['content-length'] ?? 0)
      if (length > maxBytes) {
        const refusal = tooLarge(maxBytes)
        measure.refused(refusal.code)
        return refuse(response, refusal)
      }
      let signedIn: Promise<SignedIn> | undefined
      // Asked here and by the GraphQL server, and counted once.
      const whoAsks = () => {
        signedIn ??= signIn(request, request.headers.authorization)
        return signedIn
      }
      const isLarge = length > bodyLimits.small || request.headers['transfer-encoding'] !== undefined
      const answerType = plainAnswerType(request)
      if (isLarge || answerType !== undefined) {
        // Of those who are not signed in nothing is read; why not, a fault of ours included, the GraphQL server says.
        const viewer = await whoAsks().then(
          (signedIn) => signedIn.viewer,
          () => undefined,
        )
        const rules = { bodies, tokenId: viewer?.tokenId ?? '', maxBytes, note: measure.refused }
        if (viewer && isLarge && !makeRoom(request, response, rules)) return
        const plain = viewer && answerType !== undefined && (await readPlain(request, answerType))
        if (plain) return sendPlain(await answerPlain(plain, { whoAsks, res: response }), response)
      }
      await yoga(request, response, { whoAsks })
    },
  }
}
