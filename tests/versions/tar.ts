import { type Header, pack } from 'tar-stream'

export type TarEntry = Partial<Header> & { readonly name: string; readonly content?: string | Buffer }

/** A tar as tar-stream writes it. */
export const tarOf = async (entries: readonly TarEntry[]): Promise<Buffer> => {
  const archive = pack()
  for (const { content, ...header } of entries) archive.entry(header, content ?? '')
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

interface RawHeader {
  readonly name: string
  readonly kind?: string
  readonly mode?: number
  /** The field as it stands, instead of the content's length. */
  readonly size?: string | Buffer
  readonly linkname?: string
  readonly content?: string | Buffer
}

export const endOfTar = Buffer.alloc(1024)

/** One header and its content, block by block, as no honest program may write them. */
export const rawEntry = ({ name, kind = '0', mode = 0o644, size, linkname = '', content = '' }: RawHeader): Buffer => {
  const bytes = Buffer.from(content)
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write(`${mode.toString(8).padStart(7, '0')}\0`, 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  header.write(typeof size === 'string' ? size : `${bytes.length.toString(8).padStart(11, '0')}\0`, 124)
  if (typeof size === 'object') size.copy(header, 124)
  header.write('00000000000\0', 136)
  header.write(kind, 156)
  header.write(linkname, 157)
  header.write('ustar\u000000', 257, 'latin1')
  header.write(' '.repeat(8), 148)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}

/** One record of an extended header. */
export const paxRecord = (key: string, value: string): string => {
  const rest = ` ${key}=${value}\n`
  let length = rest.length + 1
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return `${length}${rest}`
}
