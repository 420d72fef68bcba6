"""Places where a test may let the scheduler die as if its machine lost power.

Inert unless the environment variable is set when the process starts. Must do nothing else.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "OPENORCHESTRATOR_FAILPOINT"

AFTER_CLAIM = "after_claim"
AFTER_BEGIN = "after_begin"
AFTER_SPAWN = "after_spawn"
BEFORE_FINISH = "before_finish"
AFTER_FINISH = "after_finish"

_chosen = os.environ.get(VARIABLE)


def reach(place: str) -> None:
    """End this process at once, without any clean-up, if ``place`` is the one that was chosen."""
    if place == _chosen:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
