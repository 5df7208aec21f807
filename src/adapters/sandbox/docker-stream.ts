const HEADER_BYTES = 8
const STDERR = 2

/**
 * Takes apart the engine's stream of frames: a byte for the kind, three of nothing, a length, and the payload.
 * Payloads are handed on as they come, so that no frame is ever held.
 */
export function createFrameReader(outputs: { stdout(chunk: Buffer): void; stderr(chunk: Buffer): void }): {
  add(chunk: Buffer): void
} {
  let header = Buffer.alloc(0)
  let kind = 0
  let left = 0
  return {
    add(chunk) {
      let rest = chunk
      while (rest.length > 0) {
        if (left === 0) {
          const missing = HEADER_BYTES - header.length
          header = Buffer.concat([header, rest.subarray(0, missing)])
          rest = rest.subarray(missing)
          if (header.length < HEADER_BYTES) return
          kind = header[0] ?? 0
          left = header.readUInt32BE(4)
          header = Buffer.alloc(0)
          continue
        }
        const payload = rest.subarray(0, left)
        rest = rest.subarray(payload.length)
        left -= payload.length
        if (kind === STDERR) outputs.stderr(payload)
        else outputs.stdout(payload)
      }
    },
  }
}
