import { editFile, readFile, runTests, type SessionPart, submitPatch } from '../script.ts'

const evaluatorPatch = `diff --git a/calculator/evaluator.py b/calculator/evaluator.py
--- a/calculator/evaluator.py
+++ b/calculator/evaluator.py
@@ -12,7 +12,7 @@ OPERATORS = {
     "+": operator.add,
     "-": operator.sub,
     "*": operator.mul,
-    "/": operator.floordiv,
+    "/": operator.truediv,
     "%": operator.mod,
     "^": operator.pow,
 }
`

const parserPatch = `diff --git a/calculator/parser.py b/calculator/parser.py
--- a/calculator/parser.py
+++ b/calculator/parser.py
@@ -60,14 +60,15 @@ class _Parser:
         left = self.unary()
         while BINDING.get(self._peek().text, -1) >= minimum:
             operator = self._take().text
-            right = self.binary(BINDING[operator])
+            step = 0 if operator in RIGHT_TO_LEFT else 1
+            right = self.binary(BINDING[operator] + step)
             left = Binary(operator, left, right)
         return left
${' '}
     def unary(self) -> Node:
         if self._peek().text == "-":
             self._take()
-            return Unary("-", self.unary())
+            return Unary("-", self.binary(BINDING["^"]))
         return self.primary()
${' '}
     def primary(self) -> Node:
`

const statisticsPatch = (mean: string): string => `diff --git a/calculator/statistics.py b/calculator/statistics.py
--- a/calculator/statistics.py
+++ b/calculator/statistics.py
@@ -5,7 +5,7 @@ import math
${' '}
 def mean(values):
     """The arithmetic mean."""
-    return ${mean}
+    return sum(values) / len(values)
${' '}
${' '}
 def median(values):
`

const summary =
  'Groups operators from the left, binds a minus in front below the power, and keeps the fraction of divisions and means.'

/** The sample task as a conversation: a patch that does not apply, one that leaves a fault, and the whole change. */
export const calculatorSession: SessionPart = {
  coding: [
    {
      text: 'I read what computes the four results.',
      toolCalls: [
        readFile('calculator/parser.py'),
        readFile('calculator/evaluator.py'),
        readFile('calculator/statistics.py'),
      ],
    },
    {
      text: 'Three modules are at fault. I hand in one patch for them.',
      toolCalls: [
        submitPatch(`${evaluatorPatch}${parserPatch}${statisticsPatch('int(sum(values) / len(values))')}`, summary),
      ],
    },
    {
      text: 'I had the line of the mean wrong. The same patch, with the line as it stands in the file:',
      toolCalls: [
        submitPatch(`${evaluatorPatch}${parserPatch}${statisticsPatch('sum(values) // len(values)')}`, summary),
      ],
    },
    {
      text: 'Right: the median of an even count lies between the two middle values.',
      toolCalls: [
        editFile(
          'calculator/statistics.py',
          '    return ordered[len(ordered) // 2]\n',
          '    upper = len(ordered) // 2\n    if len(ordered) % 2 == 1:\n        return ordered[upper]\n    return mean(ordered[upper - 1 : upper + 1])\n',
        ),
      ],
    },
    { text: 'I run all tests.', toolCalls: [runTests()] },
    {
      text: 'They pass. I hand in the workspace as it is.',
      toolCalls: [submitPatch(null, `${summary} The median of an even count is the mean of the two middle values.`)],
    },
  ],
  evaluation: [
    {
      reasoning:
        'The four results that the task names come out right. The task also asks that all tests pass, and one of the statistics tests still fails: the median of an even count takes the upper of the two middle values.',
      verdict: 'REJECT',
      reasons: [
        'The test statistics fails: median([4, 1, 3, 2]) must be 2.5, between the two middle values, and is 3. The fault is in calculator/statistics.py.',
      ],
      commitMessage: null,
    },
    {
      reasoning:
        'All tests pass now, no test was changed, and the change touches only the lines that computed wrong results. It adds no capability.',
      verdict: 'APPROVE',
      reasons: [],
      commitMessage:
        "Fix the calculator's wrong results\n\nOperators of one level group from the left, a minus in front binds below the power, divisions and means keep\ntheir fraction, and the median of an even count lies between the two middle values.",
    },
  ],
}
