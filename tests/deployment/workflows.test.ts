import { readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { read, root } from '../docs/pages.ts'
import { type Written, yaml } from './written.ts'

const folder = '.github/workflows'
const workflows = readdirSync(`${root}${folder}`).map((name) => ({ name, workflow: yaml(`${folder}/${name}`) }))
const jobsOf = (workflow: Written): readonly Written[] => Object.values(workflow.jobs)
const stepsOf = (workflow: Written): readonly Written[] => jobsOf(workflow).flatMap(({ steps }) => steps)

it('there are workflows for changes, releases, dependencies and previews', () => {
  const names = ['ci.yml', 'dependency-review.yml', 'preview.yml', 'release.yml']
  expect(workflows.map(({ name }) => name)).toEqual(expect.arrayContaining(names))
})

it.each(workflows)('$name uses what is pinned by digest, with its version in words', ({ name, workflow }) => {
  const used = stepsOf(workflow).flatMap(({ uses }) => uses ?? [])
  expect(used.filter((action) => !/^[\w./-]+@[0-9a-f]{40}$/.test(action))).toEqual([])
  const lines = read(`${folder}/${name}`)
    .split('\n')
    .filter((line) => line.includes('uses:'))
  expect(lines.filter((line) => !/# v\d+(\.\d+)*$/.test(line))).toEqual([])
  const images = jobsOf(workflow).flatMap(({ services = {} }) => Object.values<Written>(services))
  expect(images.filter(({ image }) => !/@sha256:[0-9a-f]{64}$/.test(image))).toEqual([])
})

it.each(workflows)('$name gives each job the rights that it needs, and no others', ({ workflow }) => {
  expect(workflow.permissions).toEqual({})
  for (const job of jobsOf(workflow)) {
    expect(job.permissions).toBeDefined()
    expect(job['timeout-minutes']).toBeGreaterThan(0)
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
  const named = stepsOf(workflow).flatMap(({ run = '' }) =>
    [...run.matchAll(/\bnpm (?:run ([\w:]+)|(test|start)\b)/g)].map(([, script, builtIn]) => script ?? builtIn),
  )
  expect(named.filter((script) => scripts[script] === undefined)).toEqual([])
})

it('a change is checked, tested on services and in containers, and its image is built', () => {
  const { workflow } = workflows.find(({ name }) => name === 'ci.yml') ?? {}
  const commands = stepsOf(workflow).map(({ run }) => run)
  expect(commands).toEqual(
    expect.arrayContaining(['npm run check', 'npm test', 'npm run test:containers', 'npm run test:deployment']),
  )
})
