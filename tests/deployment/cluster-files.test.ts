import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { Job } from 'kubernetes-models/batch/v1/Job'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap'
import { Namespace } from 'kubernetes-models/v1/Namespace'
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim'
import { Secret } from 'kubernetes-models/v1/Secret'
import { Service } from 'kubernetes-models/v1/Service'
import { expect, it } from 'vitest'
import { pools } from '../../src/jobs/job.ts'
import { read, root } from '../docs/pages.ts'
import { documents, drainMs, understood, variables, type Written } from './written.ts'

const folder = 'ops/kubernetes'
const manifests = readdirSync(`${root}${folder}`).flatMap((name) => documents(`${folder}/${name}`))
const ofKind = (kind: string) => manifests.filter((each) => each.kind === kind)
const kinds: Readonly<Record<string, new (data: Written) => { validate(): void }>> = {
  ConfigMap,
  Deployment,
  Job,
  Namespace,
  PersistentVolumeClaim,
  PodDisruptionBudget,
  Secret,
  Service,
}

it.each(manifests.map((each) => ({ each, kind: each.kind, name: each.metadata.name })))(
  'the manifest $kind $name is what the schema of Kubernetes takes',
  ({ each, kind }) => {
    const Model = kinds[kind]
    if (Model === undefined) throw new Error(`Nothing checks a ${kind}.`)
    new Model(each).validate()
  },
)

it('a manifest with a word that Kubernetes does not know is refused', () => {
  const [deployment] = ofKind('Deployment')
  const spec = { ...deployment.spec, replicas: 'two' }
  expect(() => new Deployment({ ...deployment, spec }).validate()).toThrow('replicas')
})

it('there is a Deployment for each pool and one for the API, with time to drain', async () => {
  const [{ data }] = ofKind('ConfigMap')
  const lines: Written[] = []
  for (const { spec } of ofKind('Deployment')) {
    const pod = spec.template.spec
    lines.push(await understood(pod.containers[0].args))
    const given = (pod.terminationGracePeriodSeconds - 5) * 1_000
    expect(given).toBeGreaterThan(drainMs({ DRAIN_SECONDS: data.DRAIN_SECONDS }) + 5_000)
  }
  expect(lines.filter(({ name }) => name === 'worker').flatMap(({ given }) => given.pools)).toEqual(pools)
  expect(lines.filter(({ name }) => name === 'api')).toHaveLength(1)
  expect((await understood(ofKind('Job')[0].spec.template.spec.containers[0].args)).name).toBe('migrate')
})

it('all processes share one claim that many nodes may write', () => {
  const [claim] = ofKind('PersistentVolumeClaim')
  expect(claim.spec.accessModes).toEqual(['ReadWriteMany'])
  for (const { spec } of ofKind('Deployment')) {
    expect(spec.template.spec.volumes).toEqual([
      { name: 'data', persistentVolumeClaim: { claimName: claim.metadata.name } },
    ])
  }
})

it('what the manifests set are variables that there are', () => {
  const names = [...Object.keys(ofKind('ConfigMap')[0].data), ...Object.keys(ofKind('Secret')[0].stringData)]
  expect(names.filter((name) => !variables.includes(name))).toEqual([])
})

/** Python's own reader, since Node has none; null where there is no Python that has one. */
const toml = (path: string): Written => {
  const script = 'import json, sys, tomllib; print(json.dumps(tomllib.loads(sys.stdin.read())))'
  try {
    return JSON.parse(
      execFileSync('python3', ['-I', '-c', script], { input: read(path), stdio: ['pipe', 'pipe', 'pipe'] }).toString(),
    )
  } catch (error) {
    if (String(error).includes('TOMLDecodeError')) throw error
    return null
  }
}
const production = toml('fly.toml')
const preview = toml('fly.preview.toml')

it.skipIf(production === null)(
  'fly.toml is one machine in ewr with a volume, migrated first and never stopped',
  async () => {
    expect(production).toMatchObject({
      primary_region: 'ewr',
      http_service: { auto_stop_machines: 'off', min_machines_running: 1, checks: [{ path: '/readyz' }] },
      mounts: [{ destination: '/data' }],
    })
    expect((await understood(production.deploy.release_command.split(' '))).name).toBe('migrate')
    expect(Object.keys(production.processes)).toEqual(['app'])
    expect((await understood(production.processes.app.split(' '))).name).toBe('start')
  },
)

it.skipIf(preview === null)('fly.preview.toml is stopped while nobody asks it anything', () => {
  expect(preview).toMatchObject({
    primary_region: 'ewr',
    http_service: { auto_stop_machines: 'stop', min_machines_running: 0, checks: [{ path: '/readyz' }] },
  })
})

it.skipIf(production === null)('what both set are variables and image targets that there are', () => {
  const targets = [...read('Dockerfile').matchAll(/^FROM \S+ AS (\S+)$/gm)].map(([, name]) => name)
  for (const { env, build, kill_timeout } of [production, preview]) {
    expect(Object.keys(env).filter((name) => !variables.includes(name))).toEqual([])
    expect(targets).toContain(build['build-target'])
    expect(Number.parseInt(kill_timeout, 10) * 1_000).toBeGreaterThan(drainMs(env) + 5_000)
  }
})
