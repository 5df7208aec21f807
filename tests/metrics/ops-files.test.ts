import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { createCounted, createRead } from '../../src/adapters/metrics/instruments.ts'
import { createPrometheus } from '../../src/adapters/metrics/prometheus.ts'
import { read, tableRows } from '../docs/pages.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels?: { readonly severity?: string }
  readonly annotations?: { readonly summary?: string; readonly runbook?: string }
}

const { groups } = parse(read('ops/prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] }
const rules = groups.flatMap((group) => group.rules)
const dashboard = JSON.parse(read('ops/grafana/countersign.json')) as {
  panels: { title: string; targets?: { expr: string }[] }[]
}
const panels = dashboard.panels.filter(({ targets }) => targets !== undefined)
const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))

interface Shape {
  readonly series: readonly string[]
  readonly labels: readonly string[]
}

/** What each metric that is exposed is named in a query, and its labels. */
const exposed = (registry: Registry): ReadonlyMap<string, Shape> =>
  new Map(
    registry.getMetricsAsArray().map((metric) => {
      const {
        name,
        type,
        labelNames = [],
      } = metric as unknown as {
        name: string
        type: string
        labelNames?: readonly string[]
      }
      const isHistogram = String(type) === 'histogram'
      const series = isHistogram ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name]
      return [name, { series, labels: isHistogram ? [...labelNames, 'le'] : labelNames }]
    }),
  )

const { registry } = createPrometheus((model) => model)
createRead(registry)
const all = exposed(registry)
const own = new Registry()
createCounted(own)
createRead(own)

const metricName = /\b(?:countersign|process|nodejs)_[a-z0-9_]+/g
/** Prometheus itself gives these to every target. */
const ofTheTarget = ['job', 'instance', 'service']

const unknownIn = (expr: string): string[] =>
  (expr.match(metricName) ?? []).filter((name) => ![...all.values()].some(({ series }) => series.includes(name)))

/** The labels that a query asks a metric for, in braces, and that the metric does not have. */
const unknownLabels = (expr: string): string[] =>
  [...expr.matchAll(/\b((?:countersign|process|nodejs)_[a-z0-9_]+)\{([^}]*)\}/g)].flatMap(
    ([, name = '', matchers = '']) => {
      const metric = [...all.values()].find(({ series }) => series.includes(name))
      const asked = [...matchers.matchAll(/(\w+)\s*(?:=|!=|=~|!~)"/g)].map(([, label = '']) => label)
      return asked.filter((label) => !ofTheTarget.includes(label) && !metric?.labels.includes(label))
    },
  )

/** The labels that a query groups by, and that none of its metrics has. */
const unknownGroups = (expr: string): string[] => {
  const labels = [...all.values()]
    .filter(({ series }) => series.some((name) => expr.includes(name)))
    .flatMap((each) => each.labels)
  const grouped = [...expr.matchAll(/\b(?:by|on) ?\(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(','))
  return grouped.map((label) => label.trim()).filter((label) => !ofTheTarget.includes(label) && !labels.includes(label))
}

it.each([...rules.map(({ alert, expr }) => [alert, expr] as const), ...queries.map((expr) => [expr, expr] as const)])(
  '%s asks for metrics and labels that are exposed',
  (_, expr) => {
    expect(unknownIn(expr)).toEqual([])
    expect(unknownLabels(expr)).toEqual([])
    expect(unknownGroups(expr)).toEqual([])
    expect(expr.split('(').length).toBe(expr.split(')').length)
  },
)

it('the dashboard shows every metric of ours', () => {
  const shown = queries.join('\n')
  const missing = [...exposed(own)].filter(([, { series }]) => !series.some((name) => shown.includes(name)))
  expect(missing.map(([name]) => name)).toEqual([])
})

it('every alert says what is wrong, how bad it is and what to do', () => {
  const lacking = rules.filter(
    ({ labels, annotations }) =>
      !['critical', 'warning', 'info'].includes(labels?.severity ?? '') ||
      (annotations?.summary?.length ?? 0) < 20 ||
      (annotations?.runbook?.length ?? 0) < 60,
  )
  expect(lacking).toEqual([])
})

it('the page lists exactly the metrics and the alerts that there are', () => {
  const page = 'docs/operations.md'
  const named = (heading: string, ...rest: string[]) =>
    tableRows(page, heading, ...rest).map(([cell = '']) => cell.replaceAll('`', ''))
  expect(named('metric', 'labels', 'what it says').toSorted()).toEqual([...exposed(own).keys()].toSorted())
  expect(named('alert', 'severity', 'what is wrong').toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted())
})

it('the labels that the page names are those of the metrics', () => {
  const listed = tableRows('docs/operations.md', 'metric', 'labels', 'what it says').map(([name = '', labels = '']) => [
    name.replaceAll('`', ''),
    [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label),
  ])
  const expected = [...exposed(own)].map(([name, { labels }]) => [name, labels.filter((label) => label !== 'le')])
  expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(expected))
})

it('Prometheus asks every process of the composition, and notices when all of a service are gone', () => {
  const { services } = parse(read('docker-compose.yml'), { merge: true })
  const serving = Object.entries<{ image: string; profiles?: readonly string[] }>(services).filter(
    ([name, { image }]) => image.includes('COUNTERSIGN_IMAGE') && !['migrate', 'tool'].includes(name),
  )
  const [scraped] = parse(read('ops/prometheus/prometheus.yml')).scrape_configs
  expect(scraped.dns_sd_configs[0].names.toSorted()).toEqual(serving.map(([name]) => name).toSorted())
  expect(scraped.relabel_configs).toEqual([{ source_labels: ['__meta_dns_name'], target_label: 'service' }])

  const always = serving.filter(([, { profiles }]) => profiles === undefined).map(([name]) => name)
  const { expr = '' } = rules.find(({ alert }) => alert === 'CountersignServiceGone') ?? {}
  const terms = expr.split(/\s+or\s+/)
  const awaited = terms.map((term) => /^absent\(up\{job="countersign", service="([a-z]+)"\}\)$/.exec(term)?.[1])
  expect(awaited.toSorted()).toEqual(always.toSorted())
})
