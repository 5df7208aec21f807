import { once } from 'node:events'
import { closeSync, openSync, readdirSync } from 'node:fs'
import { openChannels } from '../../src/adapters/sandbox/channels.ts'
import { startConfined } from '../../src/adapters/sandbox/start-confined.ts'

/** Started with a low limit of open files: a start needs more of them than are left, whatever else there is room for. */
const open = () => readdirSync('/proc/self/fd').length
const before = open()
const channels = await openChannels('input')
const closed = Promise.all(channels.outputs.map((output) => once(output, 'close')))
const held: number[] = []
try {
  for (;;) held.push(openSync('/dev/null', 'r'))
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error
}
for (const descriptor of held.splice(-6)) closeSync(descriptor)
let fault = ''
try {
  const contents = { 3: '3', 4: '4', 5: '5', 6: '6' }
  startConfined({ argv: ['true'], environment: {}, channels, contents, reports: [7, 8] })
} catch (error) {
  fault = String(error)
}
for (const descriptor of held) closeSync(descriptor)
// An error that nobody hears would come before this, and end the process.
await closed
console.log(JSON.stringify({ fault, left: open() - before }))
