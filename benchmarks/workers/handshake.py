"""How a worker and the benchmark that started it talk: it says that it is ready, waits, works, and says what it got."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence


def wait_for_start() -> None:
    """Say that everything is imported and connected, and wait for the word."""
    print("ready", flush=True)
    sys.stdin.readline()


def tell(numbers: Sequence[str], errors: Sequence[str] = ()) -> None:
    """Say which elements were handed out to this worker, and what went wrong."""
    print(json.dumps({"numbers": list(numbers), "errors": list(errors)}), flush=True)
