import { labelled, type Prompt } from '../prompt.ts'
import type { Turn } from '../script.ts'

const labels: readonly (readonly [label: string, words: RegExp])[] = [
  ['billing', /\b(charged?|invoice|refund|payment|paid)\b/i],
  ['bug', /\b(crash(es|ed)?|error|broken|does not work|fails?)\b/i],
  ['account', /\b(password|log ?in|sign ?in|account)\b/i],
  ['feature', /\b(wish|would like|please add|could you add)\b/i],
]

/** Sorts a message by words alone, and says that it is no model. */
export const triage = (prompt: Prompt): Turn => {
  const message = labelled(prompt.userTexts.join('\n'), 'message')[0]?.content ?? ''
  const found = labels.filter(([, words]) => words.test(message)).map(([label]) => label)
  return {
    text: JSON.stringify({
      labels: found.length > 0 ? found : ['other'],
      priority: /\b(urgent|immediately|right now|all our customers)\b/i.test(message) ? 'high' : 'normal',
      reason: 'The offline rehearsal looked for words; no model has read this message.',
    }),
  }
}
