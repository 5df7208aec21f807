import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Measure, MeasuredModel } from '../../domain/ports/measure.ts'
import { createCounted } from './instruments.ts'

/** The figures of one process. */
export interface Prometheus {
  readonly registry: Registry
  readonly measure: Measure
}

const seconds = (ms: number): number => ms / 1_000
const word = (name: string): string => name.toLowerCase()

/** Sets up the figures of a process. @param nameOf the name under which a model is counted: of a closed set */
export const createPrometheus = (nameOf: (model: string) => string): Prometheus => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const counted = createCounted(registry)
  const labels = ({ provider, model }: MeasuredModel) => ({ provider: word(provider), model: nameOf(model) })
  const opened = (gauge: typeof counted.sockets) => () => {
    gauge.inc()
    let isOpen = true
    return () => {
      if (isOpen) gauge.dec()
      isOpen = false
    }
  }
  const measure: Measure = {
    jobEnded({ name, outcome, ms }) {
      counted.jobs.observe({ job_name: name, outcome: word(outcome) }, seconds(ms))
    },
    attemptEnded({ fault, ms, ...model }) {
      const outcome = fault === null ? 'answered' : 'failed'
      counted.attempts.observe({ ...labels(model), outcome }, seconds(ms))
      if (fault !== null) counted.faults.inc({ ...labels(model), code: fault })
    },
    attemptRepeated({ fault, ...model }) {
      counted.retries.inc({ ...labels(model), code: fault })
    },
    callHeldBack(model) {
      counted.faults.inc({ ...labels(model), code: 'circuit_open' })
    },
    answerBought({ usage, costUsd, ...model }) {
      counted.tokens.inc({ ...labels(model), kind: 'input' }, usage.inputTokens)
      counted.tokens.inc({ ...labels(model), kind: 'cached_input' }, usage.cachedInputTokens)
      counted.tokens.inc({ ...labels(model), kind: 'output' }, usage.outputTokens)
      if (costUsd !== null) counted.cost.inc(labels(model), costUsd)
    },
    commandEnded({ driver, outcome, ms }) {
      counted.commands.observe({ driver, outcome: word(outcome) }, seconds(ms))
    },
    diffReviewed({ verdict, waitedMs }) {
      counted.reviews.observe({ verdict: word(verdict) }, seconds(waitedMs))
    },
    commitEnded(outcome) {
      counted.commits.inc({ outcome: word(outcome) })
    },
    operationEnded({ type, field, ms, codes }) {
      counted.operations.observe({ type, field }, seconds(ms))
      for (const code of codes) counted.operationErrors.inc({ code: word(code) })
    },
    refused(code) {
      counted.operationErrors.inc({ code: word(code) })
    },
    subscriptionOpened: opened(counted.subscriptions),
    socketOpened: opened(counted.sockets),
  }
  return { registry, measure }
}
