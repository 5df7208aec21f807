import { registerHooks } from 'node:module'

/** Says which packages of OpenTelemetry a process has loaded: first with traces off, then with traces on. */
const loaded = new Set<string>()
registerHooks({
  load(url, context, next) {
    const name = /\/node_modules\/(@opentelemetry\/[\w-]+)\//.exec(url)?.[1]
    if (name !== undefined) loaded.add(name)
    return next(url, context)
  },
})

const [{ openTracer }] = await Promise.all([
  import('../../src/adapters/tracing/open-tracer.ts'),
  import('../../src/start-parts.ts'),
  import('../../src/http/server.ts'),
])
const settings = { endpoint: 'http://127.0.0.1:9', headers: {}, serviceName: 's', ratio: 1, capturesContent: false }
const sender = { version: '1', processName: 'p', redact: (text: string) => text }
const log = { debug() {}, info() {}, warn() {}, error() {} }

const off = await openTracer(undefined, sender, log)
const trace = await off.tracer.span('step', { step: 'a step' }, async () => off.tracer.current())
const withoutTraces = [...loaded].toSorted()
await using _ = await openTracer(settings, sender, log)
console.log(JSON.stringify({ withoutTraces, trace, withTraces: [...loaded].toSorted() }))
