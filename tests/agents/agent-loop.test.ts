import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { pipelineActorId } from '../../src/domain/actor/ensure-actors.ts'
import { leaseOn, withLease } from '../../src/domain/lease/lease.ts'
import type { ModelAnswer, ModelProvider, ModelRequest } from '../../src/domain/ports/model-provider.ts'
import type { CallSite } from '../../src/domain/run/call-site.ts'
import { type AgentEnd, type AgentTask, runAgent } from '../../src/domain/run/run-agent.ts'
import { defineTool } from '../../src/domain/run/tool.ts'
import { refuse, succeed } from '../../src/domain/run/workspace.ts'
import { workspaceTools } from '../../src/domain/run/workspace-tools.ts'
import { rows } from '../../src/domain/shared/database.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let projectId: string
let tree: string
beforeAll(async () => {
  server = await startTestServer()
  projectId = rowId(await readyProject(server))
  const { git } = server.context.services
  tree = await git.treeOf(projectId, (await git.branchHead(projectId, 'main')) ?? '')
})
afterAll(() => server[Symbol.asyncDispose]())

interface Use {
  readonly name: string
  readonly args?: object
}

/** A model that says these turns, each tool use by its name, and counts how often it was asked. */
const model = (...turns: readonly (string | readonly Use[])[]) => {
  const requests: ModelRequest[] = []
  const provider: ModelProvider = {
    provider: 'OPENAI',
    rehearsal: true,
    defaultModel: 'none',
    async complete(request) {
      const turn = turns[requests.push(request) - 1] ?? 'I am done.'
      const text = typeof turn === 'string' ? turn : ''
      const uses = typeof turn === 'string' ? [] : turn
      const toolUses = uses.map(({ name, args = {} }) => ({
        id: randomUUID(),
        name,
        argumentsText: JSON.stringify(args),
      }))
      for (const word of text.split(/(?<= )/)) if (word) request.onText?.(word)
      return {
        text,
        toolUses,
        stop: toolUses.length > 0 ? 'TOOLS' : 'END',
        usage: { inputTokens: 10, cachedInputTokens: 0, outputTokens: 5 },
        model: 'none',
        raw: {},
        turn: { role: 'assistant', text, toolUses },
      } satisfies ModelAnswer
    },
  }
  return { provider, requests }
}

/** A tool that hands in, counts that, and fails on demand. */
const submit = () => {
  const done: unknown[] = []
  const tool = defineTool(
    'submit_patch',
    'Hands in.',
    z.strictObject({ fail: z.boolean() }),
    async (_services: Services, workspace, args) => {
      done.push(args)
      return args.fail ? refuse(workspace, 'It does not apply.') : succeed(workspace, 'Handed in.')
    },
  )
  return { tool, done }
}

const siteOf = (scope: string, more: Partial<CallSite> = {}): CallSite => ({
  projectId,
  sprintId: null,
  runId: null,
  candidateId: null,
  requestedById: pipelineActorId,
  agent: 'tester',
  scope,
  iteration: 0,
  budgetIds: [],
  ...more,
})

const play = async (site: CallSite, provider: ModelProvider, task: Partial<AgentTask> = {}): Promise<AgentEnd> => {
  const { services } = server.context
  let end: AgentEnd | undefined
  await withLease(services, leaseOn('run', randomUUID()), new AbortController().signal, async (lease) => {
    const start = { tree, messages: [{ role: 'user', text: 'Do it.' } as const] }
    const whole = {
      model: 'none',
      system: 'Be good.',
      tools: workspaceTools,
      maxTurns: 5,
      maxOutputTokens: 100,
      ...task,
    }
    end = await runAgent(services, lease, site, start, provider, whole)
  })
  if (!end) throw new Error('The agent did not end.')
  return end
}

const write = (path: string): Use => ({ name: 'write_file', args: { path, content: path } })

describe('the agent loop', () => {
  it.concurrent('belongs to no candidate, and gives back the whole conversation and the workspace', async () => {
    const scope = `test:${randomUUID()}`
    const { provider } = model([write('a'), write('b')], 'Both are there.')
    const end = await play(siteOf(scope), provider)
    expect(end).toMatchObject({ text: 'Both are there.', stoppedBy: null })
    expect(end.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant'])
    const files = await server.context.services.git.listFiles(projectId, end.tree)
    expect(files.map(({ path }) => path)).toEqual(expect.arrayContaining(['a', 'b']))
    const calls = await rows(server.context.services.em())
      .selectFrom('ToolCall')
      .selectAll()
      .where('scope', '=', scope)
      .orderBy('position')
      .execute()
    expect(calls).toMatchObject([
      { candidateId: null, turn: 0, position: 0, replayed: false },
      { candidateId: null, turn: 0, position: 1, tree: end.tree },
    ])
    expect(calls.every(({ hash }) => /^[0-9a-f]{64}$/.test(hash))).toBe(true)
  })

  it.concurrent('ends with the successful use of a tool that says so, when all beside it is done; a failed use goes on', async () => {
    const { tool, done } = submit()
    const { provider, requests } = model(
      [{ name: 'submit_patch', args: { fail: true } }],
      [{ name: 'submit_patch', args: { fail: false } }, write('after.txt')],
      'I should not be asked.',
    )
    const task = { tools: [...workspaceTools, tool], stopAfter: ['submit_patch'] }
    const end = await play(siteOf(`test:${randomUUID()}`), provider, task)
    expect(end.stoppedBy).toMatchObject({ name: 'submit_patch', isError: false, tree, arguments: { fail: false } })
    expect(done).toHaveLength(2)
    expect(requests).toHaveLength(2)
    expect(end.messages.at(-1)).toMatchObject({
      role: 'tool',
      outcomes: [{ text: expect.stringContaining('Handed in.') }, { isError: false }],
    })
    expect(end.tree).not.toBe(tree)
  })

  it.concurrent('taken up again uses what is stored in its place, also under another prompt: no call, no tool', async () => {
    const site = siteOf(`test:${randomUUID()}`)
    const { tool, done } = submit()
    const task = { tools: [tool] }
    const turns = [[{ name: 'submit_patch', args: { fail: false } }], 'Done and said.'] as const
    const first = model(...turns)
    const end = await play(site, first.provider, task)
    const again = model('Something else.')
    const said: string[] = []
    const changed = { ...task, system: 'Be better.' }
    expect(await play({ ...site, onText: (text) => said.push(text) }, again.provider, changed)).toEqual(end)
    expect(again.requests).toEqual([])
    expect(done).toHaveLength(1)
    // An answer that is played back comes whole.
    expect(said).toEqual(['Done and said.'])
  })

  it.concurrent('streams what the model says as it says it', async () => {
    const said: string[] = []
    const { provider } = model('One two three.')
    await play(siteOf(`test:${randomUUID()}`, { onText: (text) => said.push(text) }), provider)
    expect(said).toEqual(['One ', 'two ', 'three.'])
  })

  it.concurrent('that continues another plays that one back as long as it asks the same, but for its bad end', async () => {
    const scope = `test:${randomUUID()}`
    const turns = [[write('a')], [write('b')], 'Done.'] as const
    const end = await play(siteOf(scope), model(...turns).provider)
    const whole = model()
    const continued = siteOf(`test:${randomUUID()}`, { replays: [{ scope, until: null }] })
    expect(await play(continued, whole.provider)).toMatchObject({ text: 'Done.', tree: end.tree })
    expect(whole.requests).toEqual([])
    const cutShort = model('Another end.')
    const other = siteOf(`test:${randomUUID()}`, { replays: [{ scope, until: 2 }] })
    expect(await play(other, cutShort.provider)).toMatchObject({ text: 'Another end.', tree: end.tree })
    expect(cutShort.requests).toHaveLength(1)
    const departed = model([write('a')], [write('b')], 'Done anew.')
    const third = siteOf(`test:${randomUUID()}`, { replays: [{ scope, until: null }] })
    expect((await play(third, departed.provider, { system: 'Be different.' })).text).toBe('Done anew.')
    expect(departed.requests).toHaveLength(3)
  })
})
