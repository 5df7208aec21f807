import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { writeArchive } from '../adapters/archives/write-archive.ts'
import type { Services } from '../domain/shared/services.ts'
import { visibleVersion } from '../domain/version/find-version.ts'
import { readContents } from '../domain/version/read-contents.ts'
import { answerOrigin, isReading, type OriginRules, type Refusal, readOnly, refuse } from './respond.ts'
import type { Route } from './route.ts'
import type { SignIn } from './sign-in.ts'

export interface VersionArchives {
  readonly services: Services
  readonly signIn: SignIn
  /** The pages of other origins that may read archives. */
  readonly corsOrigins: readonly string[]
  /** How long a client may take nothing before it is let go, in milliseconds (default two minutes). */
  readonly idleMs?: number
}

const place = /^\/versions\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.tar\.gz$/

/** Whether a list of entity tags, or `*`, has this one; a weak one counts. */
const hasTag = (header: string | undefined, tag: string): boolean =>
  header?.split(',').some((each) => ['*', tag].includes(each.trim().replace(/^W\//, ''))) ?? false

const notFound: Refusal = {
  status: 404,
  code: 'NOT_FOUND',
  message: 'There is no such version that you can see.',
}
const onlyRead = readOnly('An archive can only be read.')

const originRules: OriginRules = {
  methods: 'GET, HEAD',
  headers: 'authorization, if-none-match',
  exposed: 'content-disposition, etag',
}

/**
 * Serves `/versions/<id>.tar.gz` to those who can see the project: GET and HEAD, with the manifest's hash as the entity
 * tag, since it decides the archive. The archive is made while it is sent; a client that leaves ends the work.
 */
export const versionArchives = (options: VersionArchives): Route => ({
  name: 'an archive',
  answers: (path) => path.startsWith('/versions/'),
  serve: (request, response, path) => serveArchive(options, path, request, response),
})

const serveArchive = async (
  { services, signIn, corsOrigins, idleMs = 120_000 }: VersionArchives,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  if (answerOrigin(corsOrigins, originRules, request, response)) return
  const { viewer, refusal } = await signIn(request, request.headers.authorization)
  if (refusal) return refuse(response, refusal)
  const id = place.exec(path)?.[1]
  const version = id === undefined ? undefined : await visibleVersion(services.em(), viewer, id)
  if (!version) return refuse(response, notFound)
  if (!isReading(request)) return refuse(response, onlyRead)
  const tag = `"${version.manifestHash}"`
  const caching = { etag: tag, 'cache-control': 'private, no-cache' }
  if (hasTag(request.headers['if-none-match'], tag)) {
    response.writeHead(304, caching).end()
    return
  }
  response.writeHead(200, {
    ...caching,
    'content-type': 'application/gzip',
    // The id is hexadecimal: nothing of a user's is in the name.
    'content-disposition': `attachment; filename="version-${version.id}.tar.gz"`,
    'x-content-type-options': 'nosniff',
  })
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  response.setTimeout(idleMs, () => response.destroy())
  try {
    await pipeline(Readable.from(writeArchive(readContents(services.git, version)), { objectMode: false }), response)
  } catch (error) {
    const hasLeft = (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE'
    // What was sent has no end: the connection is broken off, and the client sees that it is not whole.
    services.log[hasLeft ? 'debug' : 'error']({ error, versionId: version.id }, 'an archive was not sent whole')
    response.destroy()
  }
}
