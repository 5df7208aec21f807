"""What a model's answer must look like."""

import json
from typing import List

LABELS = ("billing", "bug", "account", "feature", "other")
PRIORITIES = ("high", "normal")

SCHEMA = {
    "type": "object",
    "properties": {
        "labels": {"type": "array", "items": {"type": "string", "enum": list(LABELS)}},
        "priority": {"type": "string", "enum": list(PRIORITIES)},
        "reason": {"type": "string"},
    },
    "required": ["labels", "priority", "reason"],
    "additionalProperties": False,
}


class UnusableAnswer(Exception):
    """The answer is not what was asked for; the message is written for the model."""


def read_answer(text: str) -> dict:
    """The answer, checked. Raises UnusableAnswer."""
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise UnusableAnswer(f"This is not JSON: {error}.") from error
    if not isinstance(answer, dict):
        raise UnusableAnswer("The answer must be an object.")
    faults = _faults(answer)
    if faults:
        raise UnusableAnswer(" ".join(faults))
    return {"labels": answer["labels"], "priority": answer["priority"], "reason": answer["reason"]}


def _faults(answer: dict) -> List[str]:
    faults = []
    labels = answer.get("labels")
    if not isinstance(labels, list) or not labels:
        faults.append("There must be at least one label.")
    elif any(label not in LABELS for label in labels):
        faults.append(f"The labels are {', '.join(LABELS)}, and no others.")
    if answer.get("priority") not in PRIORITIES:
        faults.append(f"The priority is {' or '.join(PRIORITIES)}.")
    if not isinstance(answer.get("reason"), str):
        faults.append("The reason must be a text.")
    return faults
