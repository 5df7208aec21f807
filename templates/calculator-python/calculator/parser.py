"""Tokens to a tree, by operator precedence."""

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

BINDING = {"+": 10, "-": 10, "*": 20, "/": 20, "%": 20, "^": 30}
RIGHT_TO_LEFT = {"^"}


def parse(text: str) -> Node:
    """The tree of an expression."""
    parser = _Parser(tokenize(text))
    tree = parser.binary(0)
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

    def binary(self, minimum: int) -> Node:
        left = self.unary()
        while BINDING.get(self._peek().text, -1) >= minimum:
            operator = self._take().text
            right = self.binary(BINDING[operator])
            left = Binary(operator, left, right)
        return left

    def unary(self) -> Node:
        if self._peek().text == "-":
            self._take()
            return Unary("-", self.unary())
        return self.primary()

    def primary(self) -> Node:
        token = self._take()
        if token.kind == "number":
            return Number(float(token.text) if "." in token.text else int(token.text))
        if token.kind == "name":
            return Call(token.text, self._arguments())
        if token.text == "(":
            inner = self.binary(0)
            self.expect("symbol", ")")
            return inner
        raise CalculatorError(f"unexpected {token.text or 'end'!r} at {token.position}")

    def expect(self, kind: str, text: str) -> None:
        token = self._take()
        if (token.kind, token.text) != (kind, text):
            raise CalculatorError(f"expected {text or kind!r} at {token.position}")

    def _arguments(self) -> List[Node]:
        self.expect("symbol", "(")
        arguments = [self.binary(0)]
        while self._peek().text == ",":
            self._take()
            arguments.append(self.binary(0))
        self.expect("symbol", ")")
        return arguments

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        if token.kind != "end":
            self._next += 1
        return token
