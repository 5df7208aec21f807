import type { Script } from '../script.ts'
import { calculatorAnthropic } from './calculator-anthropic.ts'
import { calculatorOpenAi } from './calculator-openai.ts'
import { calculatorSession } from './calculator-session.ts'

/**
 * The sample task of templates/calculator-python. At the first attempt OPENAI leaves one of the three test
 * files failing and ANTHROPIC two; at the second, on OPENAI's tree, both repair the rest.
 */
export const calculator: Script = {
  task: /^The calculator gives wrong results\. .*Do not change the tests\.$/,
  wantedQuestions: ['unary_minus_power', 'median_even_count', 'integer_division'],
  preferences: [
    {
      marker: '## Order of work',
      reason: 'Names a cause for each wrong result and the order in which to repair them, with the test that shows it.',
    },
    {
      marker: 'middle = len(ordered) // 2',
      reason: 'Repairs what is left with the fewest lines and leaves the rest of the module as it was.',
    },
    {
      marker: 'RIGHT_TO_LEFT else 1',
      reason: 'Corrects the rule that was wrong and keeps the structure of the parser.',
    },
  ],
  session: calculatorSession,
  parts: { OPENAI: calculatorOpenAi, ANTHROPIC: calculatorAnthropic },
}
