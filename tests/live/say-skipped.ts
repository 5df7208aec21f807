/** vitest's global set-up where no provider has a key. */
export default (): void =>
  console.log(
    'The live suite is skipped: it calls real models, and neither OPENAI_API_KEY nor ANTHROPIC_API_KEY is set.',
  )
