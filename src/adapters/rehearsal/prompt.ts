import type { Provider } from '../../domain/ports/model-provider.ts'

/** What a request says, apart from the wire format that it came in. */
export interface Prompt {
  readonly provider: Provider
  readonly model: string
  readonly system: string
  /** The texts of the user's messages, tool results left out. */
  readonly userTexts: readonly string[]
  /** How many turns the model has had: the request alone says where in the conversation we are. */
  readonly turn: number
  readonly tools: readonly string[]
  /** Tokens of the whole request, and of its part up to the model's last turn. */
  readonly inputTokens: number
  readonly repeatedTokens: number
  readonly outputLimit: number
}

/** The role that a system prompt gives in its first line; null when it gives none. */
export function roleOf(prompt: Prompt): string | null {
  const firstLine = prompt.system.split('\n', 1)[0] ?? ''
  return /^You are the (.+)\.$/.exec(firstLine.trim())?.[1] ?? null
}

/** What is to be done: the first message's task, or the whole of it where none is marked, as in a run of its own. */
export function taskOf(prompt: Prompt): string | null {
  const [first] = prompt.userTexts
  return first === undefined ? null : (labelled(first, 'task')[0]?.content ?? first)
}

export interface Labelled {
  readonly label: string | null
  readonly content: string
}

/** Every block `<name label="...">...</name>` of a text; one whose tags have a fence ends at the same fence. */
export function labelled(text: string, name: string): readonly Labelled[] {
  const pattern = new RegExp(
    `<${name}(?:\\s+label="([^"]*)")?[^>]*?(\\s+fence="[^"]*")?>\\n?([\\s\\S]*?)\\n?</${name}\\2>`,
    'g',
  )
  return [...text.matchAll(pattern)].map(([, label, , content]) => ({ label: label ?? null, content: content ?? '' }))
}

/** Rough, and the same for request and answer: four characters a token. */
export function tokensOf(text: string): number {
  return Math.ceil(text.length / 4)
}
