"""Language models over HTTP: each takes a prompt and a schema, and gives the text of its answer."""

import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import List, Mapping

TIMEOUT_SECONDS = 60
LONGEST_ANSWER = 4_000_000
OUTPUT_TOKENS = 1_000


class ModelUnavailable(Exception):
    """The model gave no answer; the message says why."""


@dataclass(frozen=True)
class OpenAI:
    """OpenAI's Responses API, or a server that speaks it."""

    base_url: str
    key: str
    model: str
    name: str = "openai"

    def ask(self, instructions: str, text: str, schema: dict) -> str:
        answer = _post(
            f"{self.base_url.rstrip('/')}/responses",
            {"authorization": f"Bearer {self.key}"},
            {
                "model": self.model,
                "instructions": instructions,
                "input": [{"role": "user", "content": text}],
                "max_output_tokens": OUTPUT_TOKENS,
                "text": {"format": {"type": "json_schema", "name": "triage", "schema": schema, "strict": True}},
            },
        )
        return "".join(
            part.get("text", "")
            for item in answer.get("output", [])
            if item.get("type") == "message"
            for part in item.get("content", [])
            if part.get("type") == "output_text"
        )


@dataclass(frozen=True)
class Anthropic:
    """Anthropic's Messages API, or a server that speaks it."""

    base_url: str
    key: str
    model: str
    name: str = "anthropic"

    def ask(self, instructions: str, text: str, schema: dict) -> str:
        answer = _post(
            f"{self.base_url.rstrip('/')}/v1/messages",
            {"x-api-key": self.key, "anthropic-version": "2023-06-01"},
            {
                "model": self.model,
                "system": instructions,
                "messages": [{"role": "user", "content": text}],
                "max_tokens": OUTPUT_TOKENS,
                "output_config": {"format": {"type": "json_schema", "schema": schema}},
            },
        )
        return "".join(part.get("text", "") for part in answer.get("content", []) if part.get("type") == "text")


KINDS = {"OPENAI": OpenAI, "ANTHROPIC": Anthropic}


def models_from_environment(environment: Mapping[str, str] = os.environ) -> List:
    """The models whose address, key and name are set, in the order in which they are asked."""
    found = []
    for prefix, kind in KINDS.items():
        values = [environment.get(f"{prefix}_{name}") for name in ("BASE_URL", "API_KEY", "MODEL")]
        if all(values):
            found.append(kind(*values))
    return found


def _post(url: str, headers: dict, body: dict) -> dict:
    request = urllib.request.Request(
        url,
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json", **headers},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            answer = json.loads(response.read(LONGEST_ANSWER))
    except urllib.error.HTTPError as error:
        raise ModelUnavailable(f"{error.code}: {_complaint(error)}") from error
    except (OSError, ValueError) as error:
        raise ModelUnavailable(str(error)) from error
    if not isinstance(answer, dict):
        raise ModelUnavailable("the answer is not an object")
    return answer


def _complaint(error: urllib.error.HTTPError) -> str:
    """What both providers say in `error.message`."""
    try:
        return str(json.loads(error.read(LONGEST_ANSWER))["error"]["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return "without a reason"
