import { spawn } from 'node:child_process'

console.log('started')
for (let i = 0; i < 5; i++) {
  spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"], {
    detached: true,
    stdio: 'inherit',
  }).unref()
}
process.exit(4)
