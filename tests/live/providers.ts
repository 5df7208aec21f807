/** The providers that the environment has a key for. */
export const liveProviders = (env: Readonly<Record<string, string | undefined>>): readonly ('OPENAI' | 'ANTHROPIC')[] =>
  (['OPENAI', 'ANTHROPIC'] as const).filter((provider) => env[`${provider}_API_KEY`])
