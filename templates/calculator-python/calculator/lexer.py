"""Text to tokens."""

import re
from typing import List, NamedTuple

from calculator.errors import CalculatorError


class Token(NamedTuple):
    kind: str
    text: str
    position: int


_PATTERN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<number>\d+(\.\d+)?)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<symbol>[-+*/%^(),])
    """,
    re.VERBOSE,
)


def tokenize(text: str) -> List[Token]:
    """The tokens of an expression, closed by one of kind "end"."""
    tokens = []
    position = 0
    while position < len(text):
        match = _PATTERN.match(text, position)
        if match is None:
            raise CalculatorError(f"unexpected character {text[position]!r} at {position}")
        if match.lastgroup != "space":
            tokens.append(Token(match.lastgroup, match.group(match.lastgroup), position))
        position = match.end()
    tokens.append(Token("end", "", position))
    return tokens
