import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { CronJob } from 'kubernetes-models/batch/v1/CronJob'
import { Job } from 'kubernetes-models/batch/v1/Job'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap'
import { Namespace } from 'kubernetes-models/v1/Namespace'
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim'
import { Secret } from 'kubernetes-models/v1/Secret'
import { Service } from 'kubernetes-models/v1/Service'
import { expect, it } from 'vitest'
import { defaultPoolSizes } from '../../src/cli/serve.ts'
import { pools } from '../../src/jobs/job.ts'
import { read, root } from '../docs/pages.ts'
import { memoryNeeded, mibOf } from './needs.ts'
import { documents, drainMs, understood, variables, type Written, yaml } from './written.ts'

const folder = 'ops/kubernetes'
const manifests = readdirSync(`${root}${folder}`).flatMap((name) => documents(`${folder}/${name}`))
const ofKind = (kind: string) => manifests.filter((each) => each.kind === kind)
const kinds: Readonly<Record<string, new (data: Written) => { validate(): void }>> = {
  ConfigMap,
  CronJob,
  Deployment,
  Job,
  Namespace,
  NetworkPolicy,
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
  const jobs = await Promise.all(ofKind('Job').map(({ spec }) => understood(spec.template.spec.containers[0].args)))
  expect(jobs.map(({ name }) => name).toSorted()).toEqual(['migrate', 'restore'])
})

/** The specifications of all pods, by the name of what makes them. */
const pods: readonly (readonly [string, Written])[] = manifests.flatMap(({ metadata, spec }) => {
  const template = spec?.jobTemplate?.spec.template ?? spec?.template
  return template === undefined ? [] : [[metadata.name, template] as const]
})

it('all processes share one claim that many nodes may write', () => {
  const claims = ofKind('PersistentVolumeClaim')
  expect(claims.find(({ metadata }) => metadata.name === 'data').spec.accessModes).toEqual(['ReadWriteMany'])
  for (const [name, { spec }] of pods) {
    const claimed = (spec.volumes ?? []).flatMap((volume: Written) => volume.persistentVolumeClaim?.claimName ?? [])
    const stored = ['backup', 'restore'].includes(name) ? ['data', 'backups'] : ['data']
    expect(claimed, name).toEqual(name === 'migrate' ? [] : stored)
  }
})

it('a pod has as much memory as its jobs need at the worst, and as in the composition', async () => {
  const { services } = yaml('docker-compose.yml')
  for (const { metadata, spec } of ofKind('Deployment')) {
    const [{ args, resources }] = spec.template.spec.containers
    const { given } = await understood(args)
    const limit = mibOf(resources.limits.memory)
    expect(limit, metadata.name).toBeGreaterThanOrEqual(memoryNeeded(given.pools?.[0] ?? null, given.concurrency))
    expect(limit, metadata.name).toBe(mibOf(services[metadata.name].mem_limit))
  }
})

it('only pods that have a sandbox may mount', () => {
  const mounting = pods.filter(([, { spec }]) =>
    spec.containers[0].securityContext.capabilities.add?.includes('SYS_ADMIN'),
  )
  expect(mounting.map(([name]) => name)).toEqual(['api', 'phases', 'candidates', 'sessions', 'tests', 'maintenance'])
  for (const [name, { spec }] of pods)
    expect(spec.containers[0].securityContext.capabilities.drop, name).toEqual(['ALL'])
})

it('PostgreSQL and Redis are reached by processes of ours alone, and the figures by Prometheus', () => {
  const policy = (name: string) => ofKind('NetworkPolicy').find(({ metadata }) => metadata.name === name).spec
  const [selected] = policy('stores').podSelector.matchExpressions
  expect(selected).toEqual({ key: 'app.kubernetes.io/name', operator: 'In', values: ['postgres', 'redis'] })
  const labels = { 'app.kubernetes.io/name': 'countersign' }
  expect(policy('stores').ingress.map(({ from }: Written) => from)).toEqual([
    [{ podSelector: { matchLabels: labels } }],
  ])
  expect(policy('processes').podSelector.matchLabels).toEqual(labels)
  expect(policy('processes').ingress[0].ports).toEqual([{ port: 9464, protocol: 'TCP' }])
  for (const [name, { metadata }] of pods) expect(metadata.labels, name).toMatchObject(labels)
})

it('a backup is made every night by a command line that the program takes, and old ones are removed', async () => {
  const [{ spec }] = ofKind('CronJob')
  const [script = ''] = spec.jobTemplate.spec.template.spec.containers[0].args
  // Kubernetes makes one of two dollar signs before a bracket.
  const [, line = ''] = /^countersign (.+)$/m.exec(script.replaceAll('$$(', '$(').replace(/"([^"]*)"/, 'NAME')) ?? []
  expect((await understood(line.split(' '))).name).toBe('backup')
  expect(script).toMatch(/\$\$\(date /)
  expect(script).toMatch(/^find \/backups .* -mtime \+14 -delete$/m)
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

it.skipIf(production === null)(
  'a machine there has room for the tests that it runs at once, a preview for one build',
  () => {
    const command = (env: Written) => Number(env.SANDBOX_MEMORY_MIB)
    const needed = memoryNeeded('tests', defaultPoolSizes.tests, command(production.env))
    expect(mibOf(production.vm[0].memory)).toBeGreaterThanOrEqual(needed)
    expect(mibOf(preview.vm[0].memory)).toBeGreaterThanOrEqual(memoryNeeded('tests', 1, command(preview.env)))
  },
)

it.skipIf(preview === null)('a preview shows GraphiQL and describes itself', () => {
  expect(preview.env).toMatchObject({ GRAPHIQL: 'true', INTROSPECTION: 'true' })
})

it.skipIf(production === null)('what both set are variables and image targets that there are', () => {
  const targets = [...read('Dockerfile').matchAll(/^FROM \S+ AS (\S+)$/gm)].map(([, name]) => name)
  for (const { env, build, kill_timeout } of [production, preview]) {
    expect(Object.keys(env).filter((name) => !variables.includes(name))).toEqual([])
    expect(targets).toContain(build['build-target'])
    expect(Number.parseInt(kill_timeout, 10) * 1_000).toBeGreaterThan(drainMs(env) + 5_000)
  }
})
