/** git's form of binary changes (`GIT binary patch`): base 85 over zlib, whole contents or deltas. */

import { deflateSync, inflateSync } from 'node:zlib'

export interface BinaryHunk {
  readonly method: 'literal' | 'delta'
  /** The content, or the delta that makes it. */
  readonly data: Buffer
}

/** What a patch may still inflate to, in bytes. */
export interface InflateBudget {
  left: number
}

/** The blocks of a patch would be too large together. */
export class InflateBudgetError extends Error {
  override readonly name = 'InflateBudgetError'
}

/** The block is not what git writes, or does not fit the file. */
export class BinaryPatchError extends Error {
  override readonly name = 'BinaryPatchError'
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~'
const digits: ReadonlyMap<string, number> = new Map([...alphabet].map((character, value) => [character, value]))
const bytesPerLine = 52

/**
 * Reads one block ("literal 12", its lines, the empty line) whole, and tells where the next one begins.
 * @throws BinaryPatchError, InflateBudgetError
 */
export function readBinaryHunk(
  lines: readonly string[],
  start: number,
  maxSize: number,
  budget: InflateBudget,
): { hunk: BinaryHunk; next: number } {
  const [, method, size] = lines[start]?.match(/^(literal|delta) (\d{1,10})$/) ?? []
  if (method === undefined || size === undefined)
    throw new BinaryPatchError('a binary patch has no "literal" or "delta" line')
  if (Number(size) > maxSize) throw new BinaryPatchError(`a binary patch is larger than ${maxSize} bytes`)
  budget.left -= Number(size)
  if (budget.left < 0) throw new InflateBudgetError('the binary files are too large together')
  const pieces: Buffer[] = []
  let at = start + 1
  for (; at < lines.length && lines[at] !== ''; at++) pieces.push(decodeLine(lines[at] ?? ''))
  return {
    hunk: { method: method === 'delta' ? 'delta' : 'literal', data: inflate(Buffer.concat(pieces), Number(size)) },
    next: at + 1,
  }
}

/**
 * The content that a block makes of the old content.
 * @throws BinaryPatchError
 */
export function applyBinaryHunk({ method, data }: BinaryHunk, before: Buffer, maxSize: number): Buffer {
  return method === 'literal' ? data : applyDelta(data, before, maxSize)
}

function inflate(deflated: Buffer, size: number): Buffer {
  let data: Buffer
  try {
    data = inflateSync(deflated, { maxOutputLength: Math.max(size, 1) })
  } catch (error) {
    throw new BinaryPatchError(`a binary patch does not inflate: ${(error as Error).message}`)
  }
  if (data.length !== size) throw new BinaryPatchError('a binary patch has another size than it says')
  return data
}

/** A whole-content block with its closing empty line. */
export function writeLiteral(content: Buffer): string {
  const deflated = deflateSync(content)
  const lines = [`literal ${content.length}`]
  for (let at = 0; at < deflated.length; at += bytesPerLine)
    lines.push(encodeLine(deflated.subarray(at, at + bytesPerLine)))
  return `${lines.join('\n')}\n\n`
}

function encodeLine(piece: Buffer): string {
  const length = String.fromCharCode(piece.length <= 26 ? 64 + piece.length : 96 + piece.length - 26)
  let text = length
  for (let at = 0; at < piece.length; at += 4) {
    let value = 0
    for (let index = 0; index < 4; index++) value = value * 256 + (piece[at + index] ?? 0)
    let group = ''
    for (let index = 0; index < 5; index++) {
      group = alphabet.charAt(value % 85) + group
      value = Math.floor(value / 85)
    }
    text += group
  }
  return text
}

function decodeLine(line: string): Buffer {
  const code = line.charCodeAt(0)
  const length = code >= 65 && code <= 90 ? code - 64 : code >= 97 && code <= 122 ? code - 96 + 26 : 0
  if (length === 0 || line.length !== 1 + Math.ceil(length / 4) * 5) {
    throw new BinaryPatchError('a binary patch has a line of the wrong length')
  }
  const bytes = Buffer.alloc(Math.ceil(length / 4) * 4)
  for (let group = 0; group * 4 < length; group++) {
    let value = 0
    for (const character of line.slice(1 + group * 5, 6 + group * 5)) {
      const digit = digits.get(character)
      if (digit === undefined) throw new BinaryPatchError('a binary patch has a character that is no base 85 digit')
      value = value * 85 + digit
    }
    if (value > 0xffffffff) throw new BinaryPatchError('a binary patch has a group that is no base 85 number')
    bytes.writeUInt32BE(value, group * 4)
  }
  return bytes.subarray(0, length)
}

function applyDelta(delta: Buffer, before: Buffer, maxSize: number): Buffer {
  let at = 0
  const next = (): number => {
    const byte = delta[at++]
    if (byte === undefined) throw new BinaryPatchError('a binary delta is cut short')
    return byte
  }
  const readSize = (): number => {
    let size = 0
    for (let factor = 1; factor <= 2 ** 42; factor *= 128) {
      const byte = next()
      size += (byte & 0x7f) * factor
      if (byte < 0x80) return size
    }
    throw new BinaryPatchError('a binary delta names a size that is none')
  }
  if (readSize() !== before.length) throw new BinaryPatchError('a binary delta is for a file of another size')
  const size = readSize()
  if (size > maxSize) throw new BinaryPatchError(`a binary patch makes a file larger than ${maxSize} bytes`)
  const after = Buffer.alloc(size)
  let written = 0
  const put = (piece: Buffer, length: number) => {
    if (piece.length !== length || written + length > size) throw new BinaryPatchError('a binary delta leaves its file')
    piece.copy(after, written)
    written += length
  }
  while (at < delta.length) {
    const operation = next()
    if (operation === 0) throw new BinaryPatchError('a binary delta has an unknown operation')
    if (operation < 0x80) {
      put(delta.subarray(at, at + operation), operation)
      at += operation
      continue
    }
    let offset = 0
    let length = 0
    for (let bit = 0; bit < 4; bit++) if (operation & (1 << bit)) offset += next() * 256 ** bit
    for (let bit = 0; bit < 3; bit++) if (operation & (0x10 << bit)) length += next() * 256 ** bit
    if (length === 0) length = 0x10000
    put(before.subarray(offset, offset + length), length)
  }
  if (written !== size) throw new BinaryPatchError('a binary delta makes a file of another size than it says')
  return after
}
