import { readFile } from 'node:fs/promises'
import { z } from 'zod'

export const sampleTemplate = 'calculator-python'

const template = z.object({
  sampleTask: z.object({ title: z.string(), task: z.string(), answers: z.record(z.string(), z.string()) }),
})
export type SampleTask = z.output<typeof template>['sampleTask']

/** The task that the sample project is made for, with answers to the questions that it raises. */
export const readSampleTask = async (): Promise<SampleTask> => {
  const file = new URL(`../../../templates/${sampleTemplate}.json`, import.meta.url)
  return template.parse(JSON.parse(await readFile(file, 'utf8'))).sampleTask
}

const otherwise = 'Use your judgement and keep the change small.'

export const answerTo = (task: SampleTask, key: string): string =>
  Object.hasOwn(task.answers, key) ? (task.answers[key] ?? otherwise) : otherwise
