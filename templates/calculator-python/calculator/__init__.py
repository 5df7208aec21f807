"""Evaluates arithmetic expressions."""

from calculator.errors import CalculatorError
from calculator.evaluator import evaluate

__all__ = ["CalculatorError", "evaluate"]
