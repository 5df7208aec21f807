import { readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { read, root, tableRows } from '../docs/pages.ts'
import { type Written, yaml } from './written.ts'

const folder = '.github/workflows'
const workflows = readdirSync(`${root}${folder}`).map((name) => ({ name, workflow: yaml(`${folder}/${name}`) }))
const jobsOf = (workflow: Written): readonly Written[] => Object.values(workflow.jobs)
const stepsOf = (workflow: Written): readonly Written[] => jobsOf(workflow).flatMap(({ steps = [] }) => steps)
const named = (name: string): Written => workflows.find((each) => each.name === name)?.workflow

it('there are workflows for changes, releases, dependencies and previews', () => {
  const names = ['ci.yml', 'dependency-review.yml', 'preview.yml', 'release.yml']
  expect(workflows.map(({ name }) => name)).toEqual(expect.arrayContaining(names))
})

it.each(workflows)('$name uses what is pinned by digest, with its version in words', ({ name, workflow }) => {
  const used = stepsOf(workflow).flatMap(({ uses }) => uses ?? [])
  expect(used.filter((action) => !/^[\w./-]+@[0-9a-f]{40}$/.test(action))).toEqual([])
  const lines = read(`${folder}/${name}`)
    .split('\n')
    .filter((line) => line.includes('uses:') && !line.includes('uses: ./'))
  expect(lines.filter((line) => !/# v\d+(\.\d+)*$/.test(line))).toEqual([])
  const images = jobsOf(workflow).flatMap(({ services = {} }) => Object.values<Written>(services))
  expect(images.filter(({ image }) => !/@sha256:[0-9a-f]{64}$/.test(image))).toEqual([])
})

it.each(workflows)('$name gives each job the rights that it needs, and no others', ({ workflow }) => {
  expect(workflow.permissions).toEqual({})
  for (const job of jobsOf(workflow)) {
    expect(job.permissions).toBeDefined()
    // A workflow that is called has its own.
    if (job.uses === undefined) expect(job['timeout-minutes']).toBeGreaterThan(0)
  }
  const checkouts = stepsOf(workflow).filter(({ uses = '' }) => uses.startsWith('actions/checkout@'))
  expect(checkouts.filter((step) => step.with?.['persist-credentials'] !== false)).toEqual([])
})

it.each(workflows)('$name gives no foreign code a secret, and runs no text of an event', ({ workflow }) => {
  expect(Object.keys(workflow.on)).not.toContain('pull_request_target')
  expect(Object.keys(workflow.on)).not.toContain('workflow_run')
  expect(stepsOf(workflow).filter(({ run = '' }) => run.includes('${{'))).toEqual([])
})

it.each(workflows)('$name runs scripts that there are', ({ workflow }) => {
  const { scripts } = JSON.parse(read('package.json'))
  const scriptsNamed = stepsOf(workflow).flatMap(({ run = '' }) =>
    [...run.matchAll(/\bnpm (?:run ([\w:]+)|(test|start)\b)/g)].map(([, script, builtIn]) => script ?? builtIn),
  )
  expect(scriptsNamed.filter((script) => scripts[script] === undefined)).toEqual([])
})

it('a change is checked, tested on services and in containers, and its image is built', () => {
  const commands = stepsOf(named('ci.yml')).map(({ run }) => run)
  expect(commands).toEqual(
    expect.arrayContaining(['npm run check', 'npm test', 'npm run test:containers', 'npm run test:deployment']),
  )
})

it('a release is published after CI has passed on it, from an environment that can ask a person, by no script', () => {
  const { ci, publish, image } = named('release.yml').jobs
  expect(ci.uses).toBe('./.github/workflows/ci.yml')
  expect(Object.keys(named('ci.yml').on)).toContain('workflow_call')
  expect([publish.needs, publish.environment]).toEqual(['ci', 'release'])
  expect([image.needs, image.environment]).toEqual(['publish', 'release'])
  const steps = publish.steps.map(({ run, uses, env }: Written) => ({ did: run ?? uses.split('@')[0], env }))
  const at = (did: string) => steps.findIndex((step: Written) => step.did === did)
  expect(at('npm ci --ignore-scripts')).toBeGreaterThan(0)
  expect(at('node scripts/build.ts')).toBeGreaterThan(at('npm ci --ignore-scripts'))
  expect(at('changesets/action/publish')).toBeGreaterThan(at('node scripts/build.ts'))
  expect(steps.at(-1).env).toEqual({ NPM_CONFIG_IGNORE_SCRIPTS: 'true' })
})

it('the token for previews is given to the steps that need it alone', () => {
  const { preview } = named('preview.yml').jobs
  expect(JSON.stringify([preview.env, preview.environment])).not.toContain('secrets.')
  const given = preview.steps.filter(({ env }: Written) => env?.FLY_API_TOKEN !== undefined)
  expect(given.map(({ name }: Written) => name)).toEqual(['Deploy', 'Remove'])
})

it('the page names every secret, variable and environment that the workflows ask for', () => {
  const texts = workflows.map(({ name }) => read(`${folder}/${name}`)).join('\n')
  const asked = [...texts.matchAll(/\b(?:secrets|vars)\.([A-Z_]+)/g)].map(([, name]) => name)
  const environments = workflows.flatMap(({ workflow }) =>
    jobsOf(workflow).flatMap(({ environment }) => environment?.name ?? environment ?? []),
  )
  const told = tableRows('docs/deployment.md', 'what', 'where', 'for').map(([what = '']) => what.replaceAll('`', ''))
  expect(told.toSorted()).toEqual([...new Set([...asked, ...environments])].toSorted())
})

it('nothing that the project depends on has a license that is denied for new dependencies', () => {
  const [review] = stepsOf(named('dependency-review.yml')).filter((step) => step.with?.['deny-licenses'])
  const denied = new Set(review.with['deny-licenses'].split(/,\s*/))
  for (const family of ['AGPL-3.0', 'GPL-2.0', 'GPL-3.0']) {
    for (const kind of ['only', 'or-later']) expect([...denied]).toContain(`${family}-${kind}`)
  }
  const packages = Object.entries<Written>(JSON.parse(read('package-lock.json')).packages)
  const chosen = ({ license = '' }: Written) => license.replace(/[()]/g, '').split(' OR ')
  expect(packages.filter(([, each]) => chosen(each).every((name: string) => denied.has(name)))).toEqual([])
})

it('what Dependabot is said to raise is written where it looks', () => {
  const ecosystems = yaml('.github/dependabot.yml').updates.map((each: Written) => each['package-ecosystem'])
  expect(ecosystems.toSorted()).toEqual(['docker', 'docker-compose', 'github-actions', 'npm'])
  // A plain name with a tag: what an ARG stands for is not looked at.
  expect(read('Dockerfile')).toMatch(/^FROM node:24-bookworm-slim AS base$/m)
  expect(read('Dockerfile')).not.toMatch(/^FROM \$/m)
})
