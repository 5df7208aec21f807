import net from 'node:net'

const { CANARY_PORT: port, CANARY_ABSTRACT: abstract, CANARY_SOCKET: path } = process.env
console.log('started')
const attempt = async (name, action) => {
  try {
    console.log('BREAKOUT', name, String(await action()))
  } catch (error) {
    console.log('refused', name, error.name)
  }
}
const connect = (options) =>
  new Promise((resolve, reject) => net.connect(options, () => resolve('connected')).on('error', reject))
for (const host of ['127.0.0.1', '[::1]', '169.254.169.254', 'example.com']) {
  await attempt(host, async () =>
    (await fetch(`http://${host}:${port}/`, { signal: AbortSignal.timeout(1000) })).text(),
  )
}
await attempt('abstract', () => connect({ path: `\0${abstract}` }))
await attempt('path', () => connect({ path }))
await attempt('docker', () => connect({ path: '/var/run/docker.sock' }))
