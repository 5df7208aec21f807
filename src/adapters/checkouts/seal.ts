import { hash } from 'node:crypto'
import { lstatSync, readdirSync, type Stats } from 'node:fs'
import { setImmediate as breathe } from 'node:timers/promises'

/** Entries looked at without a pause: other work of the server waits for them. */
const AT_ONCE = 200

/**
 * Names everything about a directory's entries that a later write to one of them would change: sizes, modes, owners, and
 * the kernel's own times of change. It does not read the files.
 */
export async function sealOf(directory: string): Promise<string> {
  const lines: string[] = []
  const top = Buffer.from(directory)
  const pending = [top]
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const name of readdirSync(at, 'buffer').toSorted(Buffer.compare)) {
      const path = Buffer.concat([at, Buffer.from('/'), name])
      const found = lstatSync(path)
      lines.push(`${path.subarray(top.length).toString('latin1')}\0${describe(found)}`)
      if (found.isDirectory()) pending.push(path)
      if (lines.length % AT_ONCE === 0) await breathe()
    }
  }
  return hash('sha256', lines.join('\n'))
}

function describe({ mode, uid, gid, size, ino, ctimeMs }: Stats): string {
  return `${mode} ${uid} ${gid} ${size} ${ino} ${ctimeMs}`
}
