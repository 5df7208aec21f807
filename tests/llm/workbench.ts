import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import type { ConversationMessage, ModelProvider, ToolUse } from '../../src/domain/ports/model-provider.ts'
import template from '../../templates/calculator-python.json' with { type: 'json' }
import { agentTools, request } from './support.ts'

const run = promisify(execFile)
const templateDirectory = new URL('../../templates/calculator-python', import.meta.url).pathname

/** A directory of real files in which an agent's tool calls are carried out. */
export interface Workbench {
  readonly directory: string
  use(call: ToolUse): Promise<string>
  /** The names of the failing test cases. */
  failing(): Promise<readonly string[]>
  copy(): Promise<Workbench>
  [Symbol.asyncDispose](): Promise<void>
}

const argumentsOf = z.object({
  path: z.string().nullish(),
  content: z.string().optional(),
  oldText: z.string().optional(),
  newText: z.string().optional(),
  text: z.string().optional(),
})

export async function openWorkbench(source: string | null = templateDirectory): Promise<Workbench> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-workbench-'))
  if (source !== null) await cp(source, directory, { recursive: true })

  async function testCase(command: readonly string[]): Promise<string | null> {
    const [program = '', ...rest] = command
    const env = { PATH: process.env.PATH, PYTHONDONTWRITEBYTECODE: '1' }
    return run(program, rest, { cwd: directory, env }).then(
      () => null,
      (fault: unknown) => String(fault),
    )
  }

  async function failing(): Promise<readonly string[]> {
    const outcomes = await Promise.all(
      template.testCases.map(async ({ name, command }) => ({ name, fault: await testCase(command) })),
    )
    return outcomes.filter(({ fault }) => fault !== null).map(({ name }) => name)
  }

  async function use(call: ToolUse): Promise<string> {
    const given = argumentsOf.parse(JSON.parse(call.argumentsText))
    const path = join(directory, given.path ?? '.')
    switch (call.name) {
      case 'read_file':
        return readFile(path, 'utf8')
      case 'list_dir':
        return (await readdir(path)).join('\n')
      case 'search':
        return `searched for ${given.text}`
      case 'write_file':
        await writeFile(path, given.content ?? '')
        return 'written'
      case 'edit_file': {
        const before = await readFile(path, 'utf8')
        const parts = before.split(given.oldText ?? '')
        if (parts.length !== 2) throw new Error(`oldText occurs ${parts.length - 1} times in ${given.path}`)
        await writeFile(path, parts.join(given.newText))
        return 'edited'
      }
      case 'run_tests':
        return (await failing()).map((name) => `FAILED ${name}`).join('\n')
      default:
        throw new Error(`there is no tool ${call.name}`)
    }
  }

  return {
    directory,
    use,
    failing,
    copy: () => openWorkbench(directory),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}

/** Lets a provider work on a workbench until it has no more calls; returns its last text and what it called. */
export async function work(provider: ModelProvider, role: string, first: ConversationMessage, bench: Workbench) {
  const messages = [first]
  const called: string[] = []
  for (;;) {
    const answer = await provider.complete(
      request({ model: provider.defaultModel, system: `You are the ${role}.\n`, messages, tools: agentTools }),
    )
    if (answer.stop !== 'TOOLS') return { text: answer.text, called }
    const outcomes = []
    for (const call of answer.toolUses) {
      called.push(call.name)
      outcomes.push({ toolUseId: call.id, text: await bench.use(call), isError: false })
    }
    messages.push(answer.turn, { role: 'tool', outcomes })
  }
}
