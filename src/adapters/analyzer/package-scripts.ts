import { z } from 'zod'
import type { Finding } from '../../domain/ports/code-analyzer.ts'
import { sourceText } from './source-text.ts'

/** What npm, pnpm or yarn run by themselves, and when. */
const occasions: readonly { readonly pattern: RegExp; readonly when: string }[] = [
  { pattern: /^(?:pre|post)?install$/, when: 'on every install, also as a dependency' },
  {
    pattern: /^(?:(?:pre|post)?prepare|preprepare|postprepare|dependencies)$/,
    when: 'on every install in the project',
  },
  {
    pattern: /^(?:prepublish|prepublishOnly|publish|postpublish|(?:pre|post)?pack|prepack|postpack)$/,
    when: 'when the package is packed or published',
  },
  { pattern: /^(?:pre|post)?(?:version|uninstall)$/, when: 'when the version changes or the package is removed' },
  { pattern: /^(?:pre|post)(?:test|start|stop|restart)$/, when: 'around the script of that name' },
  { pattern: /^pnpm:devPreinstall$/, when: 'on every install in the project' },
]

const manifest = z.object({ scripts: z.record(z.string(), z.unknown()).optional() })

/**
 * The scripts of a package.json that run without anybody asking for them, each a finding, and a finding when the file
 * is none that a package manager reads. Nothing for other files.
 */
export function packageScriptFindings(path: string, text: string): Finding[] {
  if (!/(?:^|\/)package\.json$/.test(path)) return []
  const source = sourceText(text)
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const at = /at position (\d+)/.exec(reason)?.[1]
    const line = at === undefined ? null : source.position(Number(at)).line
    return [{ code: 'INVALID_JSON', message: `No package manager can read it: ${withoutSource(reason)}.`, path, line }]
  }
  const parsed = manifest.safeParse(content)
  if (!parsed.success) {
    return [
      { code: 'INVALID_JSON', message: 'Its scripts are no object, as a package manager expects.', path, line: null },
    ]
  }
  return Object.entries(parsed.data.scripts ?? {}).flatMap(([name, command]) => {
    const occasion = occasions.find(({ pattern }) => pattern.test(name))
    if (occasion === undefined) return []
    const message = `The script ${name} runs by itself ${occasion.when}: ${shown(command)}`
    return [{ code: 'LIFECYCLE_SCRIPT', message, path, line: lineOf(text, name, source) }]
  })
}

function shown(command: unknown): string {
  const text = typeof command === 'string' ? command : JSON.stringify(command)
  const visible = text.replace(/\p{Cc}|\p{Cf}/gu, ' ').trim()
  return visible.length > 200 ? `${visible.slice(0, 200)}...` : visible
}

/** The engine's message without the piece of the file that it quotes. */
function withoutSource(reason: string): string {
  return reason.replace(/, (?:\.\.\.)?".*$/s, '').replace(/ is not valid JSON$/, '')
}

/** Where the name is written first inside the scripts; the text is JSON, so that a key is followed by a colon. */
function lineOf(text: string, name: string, source: ReturnType<typeof sourceText>): number | null {
  const scripts = /"scripts"\s*:/.exec(text)?.index ?? 0
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const key = new RegExp(`"${escaped}"\\s*:`).exec(text.slice(scripts))
  return key === null ? null : source.position(scripts + key.index).line
}
