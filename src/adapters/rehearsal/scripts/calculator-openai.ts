import { editFile, listDir, type Part, readFile, runTests, search, writeFile } from '../script.ts'

const plan = `# Plan: right results from the calculator

## Causes
- \`parser.py\`: after an operator the right side is parsed with the operator's own binding, so neighbours of one
  level group from the right: \`10 - 4 - 3\` becomes \`10 - (4 - 3)\`.
- \`parser.py\`: a minus in front takes only the next operand, so \`-2 ^ 2\` becomes \`(-2) ^ 2\`.
- \`evaluator.py\`: \`/\` is \`floordiv\`, which drops the fraction.
- \`statistics.py\`: the mean drops its fraction in the same way, and the median of an even count is not between
  the two middle values.

## Order of work
1. Grouping and the minus sign, shown by \`tests/test_parser.py\`.
2. Division, shown by \`tests/test_evaluator.py\`.
3. Mean and median, shown by \`tests/test_statistics.py\`.

No test changes, and no public name changes.
`

const statistics = `"""The functions over several numbers."""

import math

from calculator.errors import CalculatorError


def mean(values):
    """The arithmetic mean, with its fraction."""
    _require_values("mean", values)
    return math.fsum(values) / len(values)


def median(values):
    """The middle value, or the mean of the two middle values of an even count."""
    _require_values("median", values)
    ordered = sorted(values)
    upper = len(ordered) // 2
    if len(ordered) % 2 == 1:
        return ordered[upper]
    return mean(ordered[upper - 1 : upper + 1])


def deviation(values):
    """The standard deviation of a whole population."""
    centre = mean(values)
    squares = [(value - centre) ** 2 for value in values]
    return math.sqrt(mean(squares))


def _require_values(name, values):
    if not values:
        raise CalculatorError(f"{name} needs at least one value")
`

/** Corrects the wrong rules in place, part by part. */
export const calculatorOpenAi: Part = {
  interview: {
    questions: [
      {
        key: 'unary_minus_power',
        question: 'Should `-2 ^ 2` be -4 (the power first) or 4 (the sign first)?',
        rationale: 'Both conventions are in use, and the choice decides how the parser binds the minus sign.',
      },
      {
        key: 'integer_division',
        question: 'May a division of two whole numbers that comes out even give a float, such as 6 / 3 = 2.0?',
        rationale: 'Keeping the fraction changes the type of results that are whole today.',
      },
    ],
    assessment: {
      complexity: 'STANDARD',
      rationale: 'Several wrong results with separate causes in three modules of one small package.',
      risks: ['A change of precedence can move results that are right today.'],
    },
  },
  planning: [
    {
      text: 'I start with the layout, the rules in the README and the parser.',
      toolCalls: [listDir('calculator'), readFile('README.md'), readFile('calculator/parser.py')],
    },
    {
      text: 'Grouping looks wrong in the parser. Division is somewhere else.',
      toolCalls: [
        readFile('calculator/evaluator.py'),
        readFile('calculator/statistics.py'),
        search('//', 'calculator'),
      ],
    },
    {
      text: 'I know the causes now. I write the plan.',
      toolCalls: [writeFile('implementation_plan.md', plan)],
    },
    { text: 'The plan is in implementation_plan.md: four causes in three modules, each with the test that shows it.' },
  ],
  coding: [
    [
      {
        text: 'I read the modules that compute the first three results.',
        toolCalls: [listDir('calculator'), readFile('calculator/parser.py'), readFile('calculator/evaluator.py')],
      },
      {
        text: 'The right side of a left-grouping operator has to bind tighter than the operator itself.',
        toolCalls: [
          editFile(
            'calculator/parser.py',
            '            right = self.binary(BINDING[operator])\n',
            '            step = 0 if operator in RIGHT_TO_LEFT else 1\n' +
              '            right = self.binary(BINDING[operator] + step)\n',
          ),
          editFile('calculator/evaluator.py', '    "/": operator.floordiv,\n', '    "/": operator.truediv,\n'),
        ],
      },
      { text: 'I run the tests.', toolCalls: [runTests()] },
      {
        text: 'The parser still has one failure: a minus in front has to take a whole power as its operand.',
        toolCalls: [
          editFile(
            'calculator/parser.py',
            '            return Unary("-", self.unary())\n',
            '            return Unary("-", self.binary(BINDING["^"]))\n',
          ),
        ],
      },
      { text: 'I run the tests again.', toolCalls: [runTests()] },
      {
        text: `Group operators from the left and keep the fraction of a division

The parser now parses the right side of + - * / % one level tighter, so that neighbours group from the left, and
a minus in front takes a whole power. Division is true division.

The tests of the parser and the evaluator pass. The tests of the statistics functions still fail: mean and median
have faults of their own, which I have not repaired.`,
      },
    ],
    [
      {
        text: 'Only the statistics tests failed. I read the module and its tests.',
        toolCalls: [
          readFile('calculator/statistics.py'),
          readFile('tests/test_statistics.py'),
          readFile('calculator/errors.py'),
        ],
      },
      {
        text: 'Mean and median are both wrong, and an empty list would crash. I rewrite the module around an exact mean.',
        toolCalls: [writeFile('calculator/statistics.py', statistics)],
      },
      { text: 'I run all tests.', toolCalls: [runTests()] },
      {
        text: `Rewrite the statistics functions around an exact mean

The mean keeps its fraction, the median of an even count is between the two middle values, and the deviation uses
both. An empty list is now a CalculatorError. All tests pass.`,
      },
    ],
  ],
}
