class CalculatorError(ValueError):
    """The expression cannot be read or has no value."""
