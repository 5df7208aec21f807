import { parse, parseAllDocuments } from 'yaml'
import { type Commands, createProgram } from '../../src/cli/program.ts'
import { readConfig } from '../../src/config.ts'
import { read } from '../docs/pages.ts'

// biome-ignore lint/suspicious/noExplicitAny: each test says what it expects of a file
export type Written = any

/** A YAML file with one document, its merges done. */
export const yaml = (path: string): Written => parse(read(path), { merge: true })

/** A YAML file's documents. */
export const documents = (path: string): readonly Written[] =>
  parseAllDocuments(read(path)).map((document) => {
    if (document.errors.length > 0) throw document.errors[0]
    return document.toJS()
  })

/** A command line as the program understands it: its name, and the options that it was given. @throws for another */
export const understood = async (
  line: readonly string[],
): Promise<{ readonly name: string; readonly given: Written }> => {
  let called = { name: '', given: {} }
  const commands = new Proxy({} as Commands, {
    get: (_, name) => async (given: object) => {
      called = { name: String(name), given }
    },
  })
  await createProgram(commands, '0', { writeOut: () => {}, writeErr: () => {} }).parseAsync([...line], { from: 'user' })
  return called
}

/** The variables of .env.example, which are all that the configuration reads. */
export const variables: readonly string[] = [...read('.env.example').matchAll(/^#([A-Z_0-9]+)=/gm)].map(
  ([, name = '']) => name,
)

/** What is kept for shutting down, in milliseconds, with what a deployment's file sets. */
export const drainMs = (env: Readonly<Record<string, string>> = {}): number => readConfig(env).drainMs
