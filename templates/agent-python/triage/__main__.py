"""Sorts the message on standard input, and prints what came of it as JSON."""

import json
import sys
from dataclasses import asdict

from triage.models import models_from_environment
from triage.workflow import sort_message


def main() -> None:
    result = sort_message(sys.stdin.read(), models_from_environment())
    print(json.dumps(asdict(result)))


if __name__ == "__main__":
    main()
