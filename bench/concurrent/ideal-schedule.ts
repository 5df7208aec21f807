/** What a piece of work needs a place of: one of a pool's, and for a test also a core. */
export type Place = 'candidates' | 'phases' | 'tests'

/** A piece of work that is done at one go and holds its place meanwhile. */
export interface Task {
  readonly place: Place
  readonly ms: number
}

/** What is done side by side; the next stage begins when all of it is done. */
export type Stage = readonly Task[]

/** How many pieces of work there may be at once, over all processes. */
export type Slots = Readonly<Record<Place, number>>

interface Waiting extends Task {
  readonly sprint: number
  /** What is left of its sprint, this stage among it. */
  readonly left: number
  readonly since: number
}

/** Who is first of those that wait for the same place. */
type Order = (a: Waiting, b: Waiting) => number

const byWaiting: Order = (a, b) => a.since - b.since || a.sprint - b.sprint
const byWorkLeft: Order = (a, b) => b.left - a.left || byWaiting(a, b)

const longest = (stage: Stage): number => Math.max(0, ...stage.map(({ ms }) => ms))
const workLeft = (stages: readonly Stage[]): number => stages.reduce((sum, stage) => sum + longest(stage), 0)

/** When the last sprint ends if whoever is first takes what is free at once, and nothing but the tasks takes time. */
const play = (sprints: readonly (readonly Stage[])[], slots: Slots, order: Order): number => {
  const free = { ...slots }
  const waiting: Waiting[] = []
  const running: { readonly endsAt: number; readonly task: Waiting }[] = []
  const stageOf = sprints.map(() => 0)
  const open = sprints.map(() => 0)
  let now = 0

  const begin = (sprint: number) => {
    const stages = sprints[sprint] ?? []
    const stage = stages[stageOf[sprint] ?? 0]
    if (stage === undefined) return
    open[sprint] = stage.length
    const left = workLeft(stages.slice(stageOf[sprint]))
    for (const task of stage) waiting.push({ ...task, sprint, left, since: now })
    if (stage.length === 0) end(sprint)
  }
  const end = (sprint: number) => {
    stageOf[sprint] = (stageOf[sprint] ?? 0) + 1
    begin(sprint)
  }
  const take = () => {
    waiting.sort(order)
    for (const task of [...waiting]) {
      if (free[task.place] === 0) continue
      free[task.place] -= 1
      waiting.splice(waiting.indexOf(task), 1)
      running.push({ endsAt: now + task.ms, task })
    }
  }

  for (const sprint of sprints.keys()) begin(sprint)
  take()
  while (running.length > 0) {
    running.sort((a, b) => a.endsAt - b.endsAt)
    const next = running.shift()
    if (next === undefined) break
    now = next.endsAt
    free[next.task.place] += 1
    open[next.task.sprint] = (open[next.task.sprint] ?? 1) - 1
    if (open[next.task.sprint] === 0) end(next.task.sprint)
    // What ends at the same moment is free at the same moment.
    if (running.every(({ endsAt }) => endsAt > now)) take()
  }
  return now
}

/**
 * How long the sprints take together when nothing takes time but their tasks: the shorter of two plans that a scheduler
 * could follow without knowing what is to come, one that takes who has waited longest and one that takes who has most
 * left to do. All sprints begin at once.
 * @returns milliseconds
 */
export const idealMs = (sprints: readonly (readonly Stage[])[], slots: Slots): number =>
  Math.min(play(sprints, slots, byWaiting), play(sprints, slots, byWorkLeft))

const places: readonly Place[] = ['candidates', 'phases', 'tests']

/**
 * What no schedule comes below: the longest sprint, or for some place what has to be done before anybody needs it, all
 * that is done there on all of its slots, and what has to be done afterwards.
 * @returns milliseconds
 */
export const leastMs = (sprints: readonly (readonly Stage[])[], slots: Slots): number => {
  const ofPlace = places.map((place) => {
    const needing = sprints.filter((stages) => stages.flat().some((task) => task.place === place))
    if (needing.length === 0) return 0
    const uses = (stage: Stage) => stage.some((task) => task.place === place)
    const heads = needing.map((stages) => workLeft(stages.slice(0, stages.findIndex(uses))))
    const tails = needing.map((stages) => workLeft(stages.slice(stages.findLastIndex(uses) + 1)))
    const tasks = needing.flat(2).filter((task) => task.place === place)
    return Math.min(...heads) + tasks.reduce((sum, { ms }) => sum + ms, 0) / slots[place] + Math.min(...tails)
  })
  return Math.max(0, ...sprints.map(workLeft), ...ofPlace)
}
