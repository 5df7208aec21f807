import { pages } from '../docs/pages.ts'
import { shellCommands } from '../docs/shell-commands.ts'
import type { Composition } from './composition.ts'

/** Every command of the pages that asks the composition for something. */
const told = pages.flatMap(shellCommands).flatMap(({ text }) => (text.startsWith('docker compose ') ? [text] : []))

/** As a test has to say it, who has no terminal, and an image that is built already. */
const spoken = (text: string): readonly string[] =>
  text
    .split(' ')
    .slice(2)
    .flatMap((word) => {
      if (word === 'exec' || word === 'run') return [word, '-T']
      return word === 'up' ? [word, '--no-build'] : [word]
    })

export interface PageCommands {
  /**
   * Runs a command as it stands in a page.
   * @param more options of `up`
   * @returns what it printed
   */
  play(composition: Composition, text: string, ...more: readonly string[]): Promise<string>
  /** Those of the pages that nobody has played. */
  left(): readonly string[]
}

export const pageCommands = (): PageCommands => {
  const played = new Set<string>()
  return {
    async play(composition, text, ...more) {
      if (!told.includes(text)) throw new Error(`No page has the command: ${text}`)
      played.add(text)
      const words = spoken(text)
      const at = words.indexOf('up') + 1
      return composition.compose(...words.slice(0, at), ...more, ...words.slice(at))
    },
    left: () => [...new Set(told)].filter((text) => !played.has(text)),
  }
}
