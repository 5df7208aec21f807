/** Takes a stream's bytes and keeps its head and its tail; what is between them is counted and forgotten. */
export interface BoundedOutput {
  add(chunk: Buffer): void
  /** The text as of now: valid UTF-8 without NUL, at most the limit plus the mark line. */
  text(): { readonly text: string; readonly truncated: boolean }
}

const REPLACEMENT = '\uFFFD'

export function createBoundedOutput(limitBytes: number): BoundedOutput {
  const headLimit = Math.ceil(limitBytes / 2)
  const tailLimit = limitBytes - headLimit
  const head: Buffer[] = []
  let headBytes = 0
  let total = 0
  let ring: Buffer | undefined
  let ringEnd = 0

  function addToTail(chunk: Buffer): void {
    if (tailLimit === 0) return
    ring ??= Buffer.alloc(tailLimit)
    const last = chunk.subarray(Math.max(0, chunk.length - tailLimit))
    const firstPart = last.subarray(0, tailLimit - ringEnd)
    firstPart.copy(ring, ringEnd)
    last.subarray(firstPart.length).copy(ring, 0)
    ringEnd = (ringEnd + last.length) % tailLimit
  }

  function tail(): Buffer {
    const kept = Math.min(total - headBytes, tailLimit)
    if (ring === undefined || kept === 0) return Buffer.alloc(0)
    if (kept < tailLimit) return ring.subarray(0, kept)
    return Buffer.concat([ring.subarray(ringEnd), ring.subarray(0, ringEnd)])
  }

  return {
    add(chunk) {
      total += chunk.length
      const room = headLimit - headBytes
      if (room > 0) {
        // A copy: the slice would hold the whole read buffer alive.
        head.push(Buffer.from(chunk.subarray(0, room)))
        headBytes += Math.min(room, chunk.length)
      }
      if (chunk.length > room) addToTail(chunk.subarray(room))
    },
    text() {
      const start = Buffer.concat(head)
      const end = tail()
      const dropped = total - start.length - end.length
      if (dropped === 0) return clip(Buffer.concat([start, end]), limitBytes)
      const text = joined(clean(trimEnd(start)), clean(trimStart(end)), dropped)
      // Replaced bytes grow threefold, so that the bound is held once more on the clean text.
      return { text: clip(Buffer.from(text), limitBytes + 100).text, truncated: true }
    },
  }
}

function clip(bytes: Buffer, limitBytes: number): { text: string; truncated: boolean } {
  const text = clean(bytes)
  const size = Buffer.byteLength(text)
  if (size <= limitBytes) return { text, truncated: false }
  const whole = Buffer.from(text)
  const headBytes = Math.ceil(limitBytes / 2)
  const start = trimEnd(whole.subarray(0, headBytes))
  const end = trimStart(whole.subarray(whole.length - (limitBytes - headBytes)))
  return { text: joined(start.toString(), end.toString(), size - limitBytes), truncated: true }
}

function joined(start: string, end: string, dropped: number): string {
  return `${start}\n[... ${dropped} bytes left out ...]\n${end}`
}

/** PostgreSQL refuses NUL in text. */
function clean(bytes: Buffer): string {
  return bytes.toString('utf8').replaceAll('\0', REPLACEMENT)
}

/** Without a character that the cut has left half at the end. */
function trimEnd(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if ((byte & 0xc0) === 0x80) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? bytes.subarray(0, bytes.length - back) : bytes
  }
  return bytes
}

function trimStart(bytes: Buffer): Buffer {
  let start = 0
  while (start < Math.min(3, bytes.length) && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++
  return bytes.subarray(start)
}
