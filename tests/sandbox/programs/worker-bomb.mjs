import { Worker } from 'node:worker_threads'

console.log('started')
const spawn = () => {
  for (let i = 0; i < 8; i++) new Worker('setInterval(() => {}, 1)', { eval: true }).on('error', () => {})
}
setInterval(spawn, 1)
