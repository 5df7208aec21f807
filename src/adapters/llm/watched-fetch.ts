/**
 * fetch that tells of every sign of life: the head of the response and each piece of its body. The SDKs swallow the
 * pings that keep a stream alive while a model thinks, so it has to be seen below them.
 */
export const watchedFetch =
  (onLife: () => void) =>
  async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const response = await fetch(input, init)
    onLife()
    if (response.body === null) return response
    const watched = new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, controller) {
        onLife()
        controller.enqueue(piece)
      },
    })
    const { status, statusText, headers } = response
    return new Response(response.body.pipeThrough(watched), { status, statusText, headers })
  }
