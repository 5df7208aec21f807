"""The functions over several numbers."""

import math


def mean(values):
    """The arithmetic mean."""
    return sum(values) // len(values)


def median(values):
    """The middle value."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def deviation(values):
    """The standard deviation of a whole population."""
    centre = mean(values)
    return math.sqrt(sum((value - centre) ** 2 for value in values) / len(values))
