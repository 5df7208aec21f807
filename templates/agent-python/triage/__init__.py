"""Sorts support messages with a language model."""

from triage.workflow import Triage, sort_message

__all__ = ["Triage", "sort_message"]
