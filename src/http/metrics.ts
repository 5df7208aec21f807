import { createHash, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Exposition } from '../adapters/metrics/exposition.ts'
import type { Logger } from '../domain/shared/services.ts'
import { isReading, type Refusal, readOnly, refuse } from './respond.ts'
import type { Route } from './route.ts'

const path = '/metrics'

const onlyRead = readOnly('Metrics can only be read.')
const notFound: Refusal = { status: 404, code: 'NOT_FOUND', message: `There is ${path} alone.` }
const withoutToken: Refusal = {
  status: 401,
  code: 'UNAUTHENTICATED',
  message: 'The metrics are for who has the METRICS_TOKEN: send it as `Authorization: Bearer ...`.',
  headers: { 'www-authenticate': 'Bearer' },
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Takes as long for every token: hashes have one length, and are compared whole. */
const carries = ({ headers }: IncomingMessage, token: Buffer): boolean => {
  const [, given = ''] = /^Bearer (\S{1,500})$/i.exec(headers.authorization ?? '') ?? []
  return timingSafeEqual(sha256(given), token)
}

const answer = async (metrics: Exposition, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  if (!isReading(request)) return refuse(response, onlyRead)
  const text = await metrics.text()
  response.writeHead(200, { 'content-type': metrics.contentType, 'cache-control': 'no-store' })
  response.end(request.method === 'HEAD' ? undefined : text)
}

/** Answers those who have the token, beside what else a server serves. */
export const metricsRoute = (metrics: Exposition, token: string): Route => {
  const expected = sha256(token)
  return {
    name: 'the metrics',
    answers: (asked) => asked === path,
    async serve(request, response) {
      if (carries(request, expected)) return answer(metrics, request, response)
      refuse(response, withoutToken)
    },
    // How a process ends is worth seeing.
  }
}

export interface MetricsServer extends AsyncDisposable {
  readonly url: string
}

/**
 * Serves the metrics on a port of their own, to whoever reaches it.
 * @throws Error when the port is taken
 */
export const startMetricsServer = async (
  metrics: Exposition,
  { host, port, log }: { readonly host: string; readonly port: number; readonly log: Logger },
): Promise<MetricsServer> => {
  const server = createServer((request, response) => {
    if (request.url?.split('?', 1)[0] !== path) return refuse(response, notFound)
    answer(metrics, request, response).catch((error: unknown) => {
      log.error({ error }, 'the metrics could not be shown')
      response.destroy()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`METRICS_PORT: ${host}:${port} cannot be opened: ${error.message}`, { cause: error })),
    )
    server.listen(port, host, resolve)
  })
  const shownHost = host.includes(':') ? `[${host}]` : host
  return {
    url: `http://${shownHost}:${(server.address() as AddressInfo).port}${path}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
