"""One run at a terminal, as the commands share it: signals, live output, result, exit status.

Owns what somebody at the terminal sees and can do meanwhile. What runs, and on which database, is the commands'.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from OpenOrchestrator.cli.run_terminal import RunTerminal

if TYPE_CHECKING:
    from OpenOrchestrator.common.settings import Settings
    from OpenOrchestrator.database.engine.database import Database
    from OpenOrchestrator.scheduler.single_run import Outcome


def follow(
    settings: Settings,
    trigger_name: str,
    *,
    all_to_stderr: bool,
    result: Callable[[Outcome, Database], str],
    beside: Callable[[Database, RunTerminal], AbstractContextManager[object]] = lambda *_: nullcontext(),
) -> int:
    """Run a trigger here and now, show its output, and return the exit status for shells.

    A signal kills the robot; another one leaves without waiting for its end.

    Args:
        settings: Say the database, the key, and how robots are started.
        trigger_name: The trigger.
        all_to_stderr: Whether standard output is for the result alone.
        result: Returns what is shown at the end on standard output, with its line end; empty for nothing.
        beside: Returns what goes on for as long as the robot runs.

    Raises:
        OpenOrchestratorError: If it cannot be started.
    """
    from OpenOrchestrator.common.settings import secrets_to_hide  # noqa: PLC0415
    from OpenOrchestrator.scheduler.events import Events  # noqa: PLC0415
    from OpenOrchestrator.scheduler.options import scheduler_options  # noqa: PLC0415
    from OpenOrchestrator.scheduler.own_database import open_database  # noqa: PLC0415
    from OpenOrchestrator.scheduler.single_run import SingleRun  # noqa: PLC0415

    url, crypto_key = settings.require_connection_string(), settings.require_key()
    events = Events(sys.stderr, log_format=settings.log_format, secrets=secrets_to_hide(url, crypto_key))
    database = open_database(url, max_jobs=1)
    terminal = RunTerminal(sys.stdout, sys.stderr, all_to_stderr=all_to_stderr)
    try:
        run = SingleRun(
            database,
            scheduler_options(settings),
            crypto_key=crypto_key,
            events=events,
            on_record=lambda record: terminal.show(record.stream, record.text),
        )
        _on_signals(run.request_stop)
        run.ring_on_signals()
        with beside(database, terminal):
            outcome = run.run(trigger_name)
        text = result(outcome, database)
    finally:
        database.close()
    interrupted = threading.Event()
    _on_signals(interrupted.set)
    unshown = terminal.finish(text, given_up=interrupted.is_set)
    if unshown:
        events.output_not_shown(unshown)
        events.flush()
    return 1 if outcome.ending is None else outcome.ending.shell_status


def outcome_values(outcome: Outcome) -> dict[str, Any]:
    """Return what became of a run, to be written as JSON."""
    ending = outcome.ending
    return {
        "job_id": str(outcome.job_id),
        "status": None if ending is None else ending.status.name,
        "exit_code": None if ending is None else ending.exit_code,
        "reason": None if ending is None else ending.reason,
    }


def _on_signals(act: Callable[[], None]) -> None:
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, lambda _number, _frame: act())
