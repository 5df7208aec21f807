/** What the demo plays: a sprint of a spec, or a conversation with a coder. */
export const demoScenarios = ['sprint', 'session'] as const
export type DemoScenario = (typeof demoScenarios)[number]
