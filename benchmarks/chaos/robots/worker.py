"""A queue worker of a chaos run: takes elements, notes the effect of each with fsync, and sets it Done.

Its process arguments are JSON: ``root`` (of the checkout), ``effects`` (folder), ``queue``, ``seconds``, ``make`` (how
many elements it adds to the queue itself), ``fails`` (0 to 1: how often it does, with nothing in its hands),
``uses_pool`` (whether it notes when it begins and ends to use what its trigger holds of a pool).
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from OpenOrchestrator.database.queues import QueueElement
    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

SETTINGS = json.loads(sys.argv[4])
TRIGGER, JOB = sys.argv[5], sys.argv[6]
MOST_ERRORS = 20
WORK_SECONDS = 0.002
SLOW_WORK_SECONDS = 0.3
IDLE_SECONDS = 1.0
BAD = "bad"
SLOW = "slow"


class Effects:
    """What this robot did, a line for each, in a file of its own."""

    def __init__(self) -> None:
        path = Path(SETTINGS["effects"], f"{JOB}-{os.getpid()}.jsonl")
        self._file = path.open("a", encoding="utf-8")
        self._errors = 0

    def note(self, kind: str, **facts: object) -> None:
        """Write a line."""
        line = {"kind": kind, "at": time.time(), "trigger": TRIGGER, "job": JOB, **facts}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def note_durably(self, kind: str, **facts: object) -> None:
        """Write a line, which is on the disk afterwards."""
        self.note(kind, **facts)
        os.fsync(self._file.fileno())

    def failed(self, what: str, error: Exception) -> None:
        """Note an error that a robot has to expect, and raise it if there were very many."""
        self._errors += 1
        self.note("error", what=what, error=f"{type(error).__name__}: {error}"[:500])
        if self._errors > MOST_ERRORS:
            raise error
        time.sleep(0.2)


def main(effects: Effects) -> None:
    """Work until the time is over or the queue stays empty."""
    sys.path.insert(0, SETTINGS["root"])
    from OpenOrchestrator.common.errors import OpenOrchestratorError, OwnershipLostError
    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

    connection = OrchestratorConnection.create_connection_from_args()
    queue = SETTINGS["queue"]
    for _ in range(SETTINGS["make"]):
        reference = str(uuid.uuid4())
        effects.note("making", reference=reference)
        try:
            connection.create_queue_element(queue, reference)
            effects.note("made", reference=reference)
        except OpenOrchestratorError as error:
            effects.failed("create", error)
    message = f"chaos {uuid.uuid4()}"
    effects.note("logging", message=message)
    try:
        connection.log_info(message)
        effects.note("logged", message=message)
    except OpenOrchestratorError as error:
        effects.failed("log", error)

    until = time.monotonic() + SETTINGS["seconds"]
    idle_until = time.monotonic() + IDLE_SECONDS
    while time.monotonic() < min(until, idle_until):
        try:
            element = connection.get_next_queue_element(queue)
        except OwnershipLostError as error:
            effects.note("stopped", error=str(error)[:300])
            return
        except OpenOrchestratorError as error:
            effects.failed("claim", error)
            continue
        if element is None:
            time.sleep(0.1)
            continue
        work(effects, connection, element)
        idle_until = time.monotonic() + IDLE_SECONDS


def work(effects: Effects, connection: OrchestratorConnection, element: QueueElement) -> None:
    """Do one element."""
    from OpenOrchestrator.common.errors import CommitOutcomeUnknownError, OpenOrchestratorError, OwnershipLostError
    from OpenOrchestrator.database.queues import QueueStatus

    facts = {"element": str(element.id), "token": str(element.claim_token)}
    reference = element.reference or ""
    effects.note("took", **facts)
    time.sleep(SLOW_WORK_SECONDS if reference.endswith(SLOW) else WORK_SECONDS)
    effects.note_durably("effect", **facts)
    is_bad = reference.endswith(BAD)
    status, message = (QueueStatus.FAILED, "this one is bad") if is_bad else (QueueStatus.DONE, None)
    try:
        connection.set_queue_element_status(element.id, status, message)
    except OwnershipLostError as error:
        effects.note("refused", error=str(error)[:300], **facts)
    except CommitOutcomeUnknownError as error:
        effects.note("unknown", **facts)
        effects.failed("finish", error)
    except OpenOrchestratorError as error:
        effects.note("unfinished", **facts)
        effects.failed("finish", error)
    else:
        effects.note("accepted", status=status.name, **facts)


if __name__ == "__main__":
    noted = Effects()
    noted.note("begin", pid=os.getpid())
    if SETTINGS["uses_pool"]:
        noted.note_durably("holding")
    try:
        main(noted)
    except Exception as error:
        noted.note("crash", error=f"{type(error).__name__}: {error}"[:500])
        raise
    finally:
        if SETTINGS["uses_pool"]:
            noted.note_durably("released")
    if random.random() < SETTINGS["fails"]:
        noted.note_durably("fails")
        sys.exit("failed of its own will")
    noted.note("end")
