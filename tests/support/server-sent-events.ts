import type { GraphQLAnswer } from './server.ts'

/** A subscription over Server-Sent Events, as a browser's client asks for it; ends with the stream. */
export async function* subscribeBySse(
  server: { readonly url: string; readonly token: string },
  query: string,
  variables: object,
  signal: AbortSignal,
): AsyncGenerator<GraphQLAnswer> {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      authorization: `Bearer ${server.token}`,
    },
    body: JSON.stringify({ query, variables }),
    signal,
  })
  if (!response.body) throw new Error(`The server answered ${response.status} without a body.`)
  let text = ''
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece
    const frames = text.split('\n\n')
    text = frames.pop() ?? ''
    for (const frame of frames) {
      const lines = frame.split('\n')
      const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trim())
      if (lines.includes('event: next')) yield JSON.parse(data.join('\n'))
      if (lines.includes('event: complete')) return
    }
  }
}
