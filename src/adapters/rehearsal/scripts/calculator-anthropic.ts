import { editFile, listDir, type Part, readFile, runTests, search, writeFile } from '../script.ts'

const plan = `# Plan

The parser climbs precedence with a single method, which makes its two faults hard to see. Replace that method by
one per level, as the grammar in the README reads:

- sum: products joined by + and -, from the left
- product: signed values joined by * / and %, from the left
- signed: a minus sign in front of a signed value, or a power
- power: a primary, then ^ and a signed value

Then look at division in the evaluator and at the statistics functions. The tests stay as they are.
`

const parser = `"""Tokens to a tree: one method per level of the grammar."""

from typing import List, NamedTuple, Union

from calculator.errors import CalculatorError
from calculator.lexer import Token, tokenize


class Number(NamedTuple):
    value: Union[int, float]


class Unary(NamedTuple):
    operator: str
    operand: "Node"


class Binary(NamedTuple):
    operator: str
    left: "Node"
    right: "Node"


class Call(NamedTuple):
    name: str
    arguments: List["Node"]


Node = Union[Number, Unary, Binary, Call]


def parse(text: str) -> Node:
    """The tree of an expression."""
    parser = _Parser(tokenize(text))
    tree = parser.sum()
    parser.expect("end", "")
    return tree


def show(node: Node) -> str:
    """The tree as an expression with every grouping spelled out."""
    if isinstance(node, Number):
        return str(node.value)
    if isinstance(node, Unary):
        return f"({node.operator}{show(node.operand)})"
    if isinstance(node, Binary):
        return f"({show(node.left)} {node.operator} {show(node.right)})"
    return f"{node.name}({', '.join(show(argument) for argument in node.arguments)})"


class _Parser:
    def __init__(self, tokens: List[Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def sum(self) -> Node:
        return self._from_the_left(("+", "-"), self.product)

    def product(self) -> Node:
        return self._from_the_left(("*", "/", "%"), self.signed)

    def signed(self) -> Node:
        if self._peek().text == "-":
            self._take()
            return Unary("-", self.signed())
        return self.power()

    def power(self) -> Node:
        base = self.primary()
        if self._peek().text == "^":
            self._take()
            return Binary("^", base, self.signed())
        return base

    def primary(self) -> Node:
        token = self._take()
        if token.kind == "number":
            return Number(float(token.text) if "." in token.text else int(token.text))
        if token.kind == "name":
            return Call(token.text, self._arguments())
        if token.text == "(":
            inner = self.sum()
            self.expect("symbol", ")")
            return inner
        raise CalculatorError(f"unexpected {token.text or 'end'!r} at {token.position}")

    def expect(self, kind: str, text: str) -> None:
        token = self._take()
        if (token.kind, token.text) != (kind, text):
            raise CalculatorError(f"expected {text or kind!r} at {token.position}")

    def _from_the_left(self, operators, level) -> Node:
        left = level()
        while self._peek().text in operators:
            operator = self._take().text
            left = Binary(operator, left, level())
        return left

    def _arguments(self) -> List[Node]:
        self.expect("symbol", "(")
        arguments = [self.sum()]
        while self._peek().text == ",":
            self._take()
            arguments.append(self.sum())
        self.expect("symbol", ")")
        return arguments

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        if token.kind != "end":
            self._next += 1
        return token
`

/** Rebuilds the parser at the first attempt; at the second changes only the lines that are wrong. */
export const calculatorAnthropic: Part = {
  interview: {
    questions: [
      {
        key: 'median_even_count',
        question: 'What should the median of an even count of values be?',
        rationale:
          'The lower value, the upper value and the mean of the two are all in use; the module takes the upper.',
      },
      {
        key: 'integer_division',
        question: 'Should `/` always keep the fraction, also when both numbers are whole?',
        rationale: 'The evaluator floors today, and other functions may have been written to match.',
      },
    ],
    assessment: {
      complexity: 'STANDARD',
      rationale: 'The package is small, but the wrong results come from three places.',
      risks: ['The parser has to be understood as a whole before its precedence is changed.'],
    },
  },
  planning: [
    {
      text: 'Let me read the README and the tests first: they say what is right.',
      toolCalls: [readFile('README.md'), listDir('tests'), readFile('tests/test_parser.py')],
    },
    {
      text: 'Now the parser, and every place where operators are listed.',
      toolCalls: [readFile('calculator/parser.py'), search('BINDING')],
    },
    { text: 'That is enough for a plan.', toolCalls: [writeFile('implementation_plan.md', plan)] },
    { text: 'I have written the plan: rebuild the parser by levels, then look at division and statistics.' },
  ],
  coding: [
    [
      {
        text: 'I read the grammar in the README, the parser, and the tests that it has to pass.',
        toolCalls: [readFile('README.md'), readFile('calculator/parser.py'), readFile('tests/test_parser.py')],
      },
      {
        text: 'Both faults of the parser come from its single climbing method. I rebuild it with a method per level.',
        toolCalls: [writeFile('calculator/parser.py', parser)],
      },
      { text: 'Let me see whether the tests agree.', toolCalls: [runTests()] },
      {
        text: `Rebuild the parser with one method per level of the grammar

Sums and products group from the left, powers from the right, and a minus in front takes a whole power. The tests
of the parser pass.

The tests of the evaluator and of the statistics functions still fail; I have not changed those modules.`,
      },
    ],
    [
      {
        text: 'The failure names only the statistics functions. I read them.',
        toolCalls: [readFile('calculator/statistics.py'), search('def test_', 'tests/test_statistics.py')],
      },
      {
        text: 'The mean floors, and the median takes the upper of the two middle values. First the mean.',
        toolCalls: [
          editFile(
            'calculator/statistics.py',
            '    return sum(values) // len(values)\n',
            '    return sum(values) / len(values)\n',
          ),
        ],
      },
      {
        text: 'Then the median.',
        toolCalls: [
          editFile(
            'calculator/statistics.py',
            '    return ordered[len(ordered) // 2]\n',
            '    middle = len(ordered) // 2\n' +
              '    return ordered[middle] if len(ordered) % 2 else mean(ordered[middle - 1 : middle + 1])\n',
          ),
        ],
      },
      { text: 'I run all tests.', toolCalls: [runTests()] },
      {
        text: `Keep the fraction of the mean and split even medians

The mean divides without flooring, and the median of an even count is the mean of the two middle values. Nothing
else changes. All tests pass.`,
      },
    ],
  ],
}
