import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { QueueBoard } from '../adapters/queue/queue-board.ts'
import { globalRole, includesRole, type Viewer } from '../domain/actor/viewer.ts'
import type { Services } from '../domain/shared/services.ts'
import { isFromForeignPage } from './foreign-page.ts'
import { endSession, openSession, readSession, sessionSeconds } from './queue-board-session.ts'
import { isReading, type Refusal, readBody, readOnly, refuse, tooLarge } from './respond.ts'
import type { Route } from './route.ts'
import type { SignIn } from './sign-in.ts'

export interface QueueBoardServing {
  readonly services: Services
  readonly board: QueueBoard
  readonly signIn: SignIn
}

export const queueBoardPath = '/queues'

const maxFormBytes = 4_096
const style =
  'body{font:16px system-ui;max-width:26rem;margin:4rem auto;padding:0 1rem}input,button{font:inherit;padding:.4rem;width:100%;box-sizing:border-box;margin:.4rem 0}:root{color-scheme:light dark}'
const styleHash = createHash('sha256').update(style).digest('base64')

const everyPage = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // Without it a browser would not say where the form was sent from.
  'referrer-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}
const closed = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
const signInPolicy = `${closed}; form-action 'self'; style-src 'sha256-${styleHash}'`
/** The board sets styles in its markup; what it runs, loads and asks for is this server's alone. */
const boardPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"

/** @param fault words of ours, without anything that was sent */
const signInPage = (fault: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Countersign: queues</title><style>${style}</style></head>
<body><h1>Queues</h1>${fault === '' ? '' : `<p role="alert"><strong>${fault}</strong></p>`}
<form method="post" action="${queueBoardPath}/sign-in"><label>API token of an ADMIN
<input type="password" name="token" required autofocus autocomplete="off"></label><button>Sign in</button></form>
<p>It is sent once. The browser stays signed in for ${sessionSeconds / 60} minutes, and as long as the token is valid.</p></body></html>
`

const showSignIn = (response: ServerResponse, status: number, fault = ''): void => {
  response.writeHead(status, {
    ...everyPage,
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': signInPolicy,
  })
  response.end(signInPage(fault))
}

const goTo = (response: ServerResponse, cookie: string): void => {
  response.writeHead(303, { ...everyPage, location: queueBoardPath, 'set-cookie': cookie, 'cache-control': 'no-store' })
  response.end()
}

const mayLook = (viewer: Viewer): boolean => includesRole(globalRole(viewer), 'ADMIN')

const notAdmin: Refusal = {
  status: 403,
  code: 'FORBIDDEN',
  message: 'This needs the role ADMIN on all projects.',
}
const sessionOver: Refusal = {
  status: 401,
  code: 'UNAUTHENTICATED',
  message: 'Not signed in, or not any more: load the page again.',
}
const foreignSignOut: Refusal = {
  status: 403,
  code: 'FORBIDDEN',
  message: 'Sign out on the page of this server itself.',
}
const onlyShows = readOnly(
  'The queue board only shows: the rows say what is to be done, and jobs that are lost are asked for again.',
)

const takeToken = async (
  { services, signIn }: QueueBoardServing,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  // Another site would sign the browser in as somebody of its own choice.
  if (isFromForeignPage(request, [])) return showSignIn(response, 403, 'Sign in on the page of this server itself.')
  const body = await readBody(request, maxFormBytes)
  if (body === undefined) return refuse(response, tooLarge(maxFormBytes))
  const token = new URLSearchParams(body.toString('utf8')).get('token')?.trim() ?? ''
  const { viewer, refusal } = await signIn(request, `Bearer ${token}`)
  if (refusal)
    return showSignIn(response, refusal.status, refusal.status === 401 ? 'This is no valid token.' : refusal.message)
  if (!mayLook(viewer)) return showSignIn(response, notAdmin.status, notAdmin.message)
  goTo(response, openSession(services, viewer, queueBoardPath, request))
}

const show = async (board: QueueBoard, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const url = new URL(request.url ?? '', 'http://countersign.invalid')
  url.pathname = url.pathname.replace(/\/$/, '')
  const answer = await board.answer(new Request(url))
  const isAsset = answer.ok && url.pathname.startsWith(`${queueBoardPath}/static/`)
  response.writeHead(answer.status, {
    ...everyPage,
    'content-type': answer.headers.get('content-type') ?? 'application/json',
    // The names of the assets change with what is in them.
    'cache-control': isAsset ? 'private, max-age=86400' : 'no-store',
    'content-security-policy': boardPolicy,
  })
  response.end(request.method === 'HEAD' ? undefined : Buffer.from(await answer.arrayBuffer()))
}

const takeLeave = (request: IncomingMessage, response: ServerResponse): void => {
  // Another site would sign people out.
  if (isFromForeignPage(request, [])) refuse(response, foreignSignOut)
  else goTo(response, endSession(queueBoardPath, request))
}

/**
 * Serves the queue board to those who may do everything on all projects: with a bearer token as the API takes it, or
 * with the session of a browser, which signs in by a form since it can send no header of its own. Each request looks
 * again at what the token may.
 */
export const queueBoard = (serving: QueueBoardServing): Route => {
  const { services, board, signIn } = serving
  const whoAsks = async (request: IncomingMessage) => {
    const { authorization } = request.headers
    // Any other scheme is meant for a proxy in front of this server, and the browser sends it along with its cookie.
    if (authorization && /^Bearer /i.test(authorization)) return signIn(request, authorization)
    const viewer = await readSession(services, request)
    return viewer ? { viewer } : { refusal: sessionOver }
  }
  return {
    name: 'the queue board',
    answers: (path) => path === queueBoardPath || path.startsWith(`${queueBoardPath}/`),
    async serve(request, response, path) {
      if (path === `${queueBoardPath}/sign-in` && request.method === 'POST')
        return takeToken(serving, request, response)
      if (path === `${queueBoardPath}/sign-out`) return takeLeave(request, response)
      const { viewer, refusal } = await whoAsks(request)
      if (refusal) {
        const isPage = refusal === sessionOver && !path.startsWith(`${queueBoardPath}/api/`)
        return isPage ? showSignIn(response, 401) : refuse(response, refusal)
      }
      if (!mayLook(viewer)) return refuse(response, notAdmin)
      if (!isReading(request)) return refuse(response, onlyShows)
      return show(board, request, response)
    },
  }
}
