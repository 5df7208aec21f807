"""A tree to a number."""

import math
import operator
from typing import Union

from calculator import statistics
from calculator.errors import CalculatorError
from calculator.parser import Binary, Call, Node, Number, Unary, parse

OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.floordiv,
    "%": operator.mod,
    "^": operator.pow,
}

FUNCTIONS = {
    "abs": lambda values: abs(_only(values)),
    "sqrt": lambda values: math.sqrt(_only(values)),
    "min": min,
    "max": max,
    "mean": statistics.mean,
    "median": statistics.median,
    "deviation": statistics.deviation,
}


def evaluate(text: str) -> Union[int, float]:
    """The value of an expression."""
    return _value(parse(text))


def _value(node: Node) -> Union[int, float]:
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Unary):
        return -_value(node.operand)
    if isinstance(node, Binary):
        return _apply(node)
    return _call(node)


def _apply(node: Binary) -> Union[int, float]:
    left, right = _value(node.left), _value(node.right)
    try:
        return OPERATORS[node.operator](left, right)
    except ZeroDivisionError as error:
        raise CalculatorError("division by zero") from error


def _call(node: Call) -> Union[int, float]:
    function = FUNCTIONS.get(node.name)
    if function is None:
        raise CalculatorError(f"unknown function {node.name!r}")
    return function([_value(argument) for argument in node.arguments])


def _only(values):
    if len(values) != 1:
        raise CalculatorError(f"expected one value, got {len(values)}")
    return values[0]
