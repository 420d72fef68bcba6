"""A scheduler that dies by SIGKILL inside the transaction of its first claim.

Arguments: the place (``PLACES``), and those of ``python -m OpenOrchestrator``.
"""

import os
import re
import signal
import sys
from typing import Any

import sqlalchemy as sa

BEFORE_THE_JOB = "before the job"
BEFORE_THE_COMMIT = "before the commit"
PLACES = (BEFORE_THE_JOB, BEFORE_THE_COMMIT)

_INSERT_OF_A_JOB = re.compile(r"\s*INSERT\s+INTO\s+\W?Jobs\b", re.IGNORECASE)


def _die_at(place: str) -> None:
    claiming: set[int] = set()

    def before_statement(connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if _INSERT_OF_A_JOB.match(statement):
            if place == BEFORE_THE_JOB:
                os.kill(os.getpid(), signal.SIGKILL)
            claiming.add(id(connection))

    def before_commit(connection: Any) -> None:
        if id(connection) in claiming:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", before_statement)
    sa.event.listen(sa.engine.Engine, "commit", before_commit)


if __name__ == "__main__":
    _die_at(sys.argv.pop(1))
    from OpenOrchestrator.cli.main import main

    main()
