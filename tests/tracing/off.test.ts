import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'

const run = promisify(execFile)

it('without an address for traces nothing of the SDK is loaded, and nothing is recorded', async () => {
  const { stdout } = await run(process.execPath, [new URL('loaded-modules-process.ts', import.meta.url).pathname])
  const { withoutTraces, trace, withTraces } = JSON.parse(stdout)
  // Anthropic's library, wherever it is loaded, brings the interface along, which by itself does nothing.
  expect(withoutTraces.filter((name: string) => name !== '@opentelemetry/api')).toEqual([])
  expect(trace).toBeNull()
  expect(withTraces).toEqual(
    expect.arrayContaining(['@opentelemetry/exporter-trace-otlp-proto', '@opentelemetry/sdk-trace']),
  )
}, 180_000)

it('settings of traces are read, their headers kept out of logs, and bad ones told all at once', () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' }
  const given = { ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'api_key=a%20secret, x-team = blue', OTEL_SERVICE_NAME: 's' }
  const config = readConfig({ ...given, OTEL_TRACES_SAMPLER_ARG: '0.25', OTEL_CAPTURE_CONTENT: 'true' })
  const headers = { api_key: 'a secret', 'x-team': 'blue' }
  expect(config.tracing).toEqual({
    endpoint: 'http://localhost:4318',
    headers,
    serviceName: 's',
    ratio: 0.25,
    capturesContent: true,
  })
  expect(config.log.secrets).toContain('a secret')
  expect(readConfig(endpoint).tracing).toMatchObject({ headers: {}, ratio: 1, capturesContent: false })
  expect(readConfig({}).tracing).toBeUndefined()

  const bad = { OTEL_EXPORTER_OTLP_HEADERS: 'no pair', OTEL_TRACES_SAMPLER_ARG: '2', OTEL_CAPTURE_CONTENT: 'yes' }
  for (const name of Object.keys(bad)) expect(() => readConfig({ ...endpoint, ...bad })).toThrow(name)
})
