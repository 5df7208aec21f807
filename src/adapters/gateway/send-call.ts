import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CallBook, CallOutcome } from '../../domain/ports/model-gateway.ts'
import type { Logger } from '../../domain/shared/services.ts'
import { complaintToShow } from './complaint.ts'
import { headersToShow, relayStream, UnusableAnswer, wholeText, withoutKey } from './relay-answer.ts'
import type { AllowedRequest, Fault, Target, WireFormat } from './wire.ts'

const largestComplaint = 256 * 1024

/** A connection that could not be made has bought nothing. */
const notConnected = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

export interface Call {
  readonly format: WireFormat
  readonly request: AllowedRequest
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
  /** Undefined for a provider that is not configured. */
  readonly target: Target | undefined
  readonly book: CallBook
  readonly log: Logger
  /** Aborted when the test has ended, or does not wait for the answer any more. */
  readonly signal: AbortSignal
}

/** Answers in the provider's own form; client libraries are asked not to try again where it cannot help. */
export const sendFault = (response: ServerResponse, format: WireFormat, fault: Fault, message: string): void => {
  const { status, body } = format.error(fault, message)
  sendJson(response, status, body)
}

export const sendJson = (response: ServerResponse, status: number, body: object): void => {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json', 'x-should-retry': 'false', connection: 'close' })
  response.end(JSON.stringify(body))
}

/** Makes one call for a test: entered in the book, sent with the server's key, passed on, and settled. */
export const sendCall = async (call: Call): Promise<void> => {
  const { format, request, response, target, book } = call
  const body = JSON.stringify(request.body)
  const admission = await book.admit({
    provider: format.provider,
    model: request.model,
    inputBytes: Buffer.byteLength(body),
    maxOutputTokens: request.maxOutputTokens,
    requestHash: createHash('sha256').update(`${format.path}\n${body}`).digest('hex'),
  })
  if ('refusal' in admission) return sendFault(response, format, admission.refusal, admission.message)
  if (target === undefined) throw new Error(`A call to ${format.provider} was admitted, which has no address.`)
  let outcome: CallOutcome = { status: 'LOST', reason: 'The gateway failed.' }
  try {
    outcome = await forward(call, target, body)
  } finally {
    // Before the test can see that the answer has ended.
    await book.settle(admission.callId, outcome)
    if (response.headersSent) response.end()
  }
}

const forward = async (call: Call, target: Target, body: string): Promise<CallOutcome> => {
  const { format, request, incoming, response, log, signal } = call
  let answer: Response
  try {
    signal.throwIfAborted()
    answer = await fetch(`${target.baseUrl.replace(/\/+$/, '')}${format.upstreamPath}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: request.isStreamed ? 'text/event-stream' : 'application/json',
        'accept-encoding': 'identity',
        ...format.headers(target.apiKey, (name) => incoming.headers[name]?.toString()),
      },
      body,
      // A provider that points elsewhere would be given the key there.
      redirect: 'manual',
      signal,
    })
  } catch (error) {
    if (signal.aborted) return { status: 'LOST', reason: 'The test ended, or left, before the answer came.' }
    const code = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code ?? ''
    log.warn({ provider: format.provider, code }, 'a provider could not be reached for a test')
    sendFault(response, format, 'UNREACHABLE', `${format.provider} could not be reached.`)
    return { status: notConnected.has(code) ? 'FAILED' : 'LOST', reason: `The provider could not be reached: ${code}` }
  }
  try {
    if (!answer.ok) return await passComplaint(call, target, answer)
    return await passAnswer(call, target, answer)
  } catch (error) {
    if (signal.aborted) return { status: 'LOST', reason: 'The test ended, or left, before the answer was whole.' }
    const why = error instanceof UnusableAnswer ? error.message : 'the connection was lost'
    log.warn({ provider: format.provider, why }, 'a provider broke off its answer to a test')
    // What was begun breaks off for the test as it did for us.
    if (response.headersSent) response.destroy()
    else sendFault(response, format, 'UNREACHABLE', `${format.provider} gave no usable answer: ${why}.`)
    return { status: 'LOST', reason: `The answer was not whole: ${why}.` }
  }
}

const passComplaint = async (
  { format, response, log }: Call,
  target: Target,
  answer: Response,
): Promise<CallOutcome> => {
  const { status } = answer
  const outcome: CallOutcome = { status: 'FAILED', reason: `The provider answered ${status}.` }
  // What cannot be read is not passed on; the status alone says that nothing was bought.
  const text = withoutKey(await wholeText(answer, largestComplaint).catch(() => ''), target.apiKey)
  const isOurs = status === 401 || status === 403 || status < 400
  const isJson = (answer.headers.get('content-type') ?? '').includes('json')
  const complaint = isOurs || !isJson ? null : complaintToShow(format, status, text)
  if (complaint === null) {
    // Not the test's to know: it says something of the server's own access.
    log.warn({ provider: format.provider, status }, 'a provider did not take the call of a test')
    const hint = isOurs
      ? 'did not accept how the server reaches it: an administrator has to look'
      : `answered ${status}`
    sendFault(response, format, 'UNREACHABLE', `${format.provider} ${hint}.`)
    return outcome
  }
  log.warn({ provider: format.provider, status, kind: complaint.kind }, 'a provider did not take the call of a test')
  response.writeHead(status, headersToShow(answer))
  response.write(complaint.body)
  return outcome
}

const passAnswer = async (call: Call, target: Target, answer: Response): Promise<CallOutcome> => {
  const { format, request, response, signal } = call
  const usage = request.isStreamed
    ? await passStream(call, target, answer)
    : await passWhole({ format, response }, target, answer)
  if (usage !== null) return { status: 'ANSWERED', usage }
  return { status: 'LOST', reason: signal.aborted ? 'The test ended.' : 'The answer does not say what it used.' }
}

const passStream = async ({ format, request, response, signal }: Call, { apiKey: key }: Target, answer: Response) => {
  const type = answer.headers.get('content-type') ?? ''
  if (!type.startsWith('text/event-stream')) throw new UnusableAnswer('a stream was asked for, and none came')
  response.writeHead(answer.status, headersToShow(answer))
  response.flushHeaders()
  return relayStream(answer, response, { format, request, key, signal })
}

const passWhole = async (
  { format, response }: Pick<Call, 'format' | 'response'>,
  { apiKey }: Target,
  answer: Response,
) => {
  const text = await wholeText(answer)
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new UnusableAnswer('it is not JSON')
  }
  response.writeHead(answer.status, headersToShow(answer))
  response.write(withoutKey(text, apiKey))
  return format.usageOf(parsed)
}
