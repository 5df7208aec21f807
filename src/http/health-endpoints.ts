import type { ServerResponse } from 'node:http'
import type { Health } from '../health/health.ts'
import type { Route } from './route.ts'

const answer = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}

/** Serves `/healthz` and `/readyz` to anybody, without details. */
export const healthEndpoints = (health: Health, isDraining: () => boolean): readonly Route[] => [
  {
    name: '/healthz',
    answers: (path) => path === '/healthz',
    async serve(_request, response) {
      answer(response, 200, { status: 'ok' })
    },
  },
  {
    name: '/readyz',
    answers: (path) => path === '/readyz',
    async serve(_request, response) {
      const components = await health.lookForProbe()
      const draining = isDraining()
      const ready = !draining && components.every(({ ok, isNeeded }) => ok || !isNeeded)
      const shown = components.map(({ name, ok }) => ({ name, ok }))
      const status = ready ? 'ok' : draining ? 'draining' : 'failed'
      answer(response, ready ? 200 : 503, { status, components: shown })
    },
  },
]
