"""Folders that one run at a time may have, and later ones again.

Owns the note beside such a folder that says which job has it. Whether that job's run has ended is asked of the caller.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from OpenOrchestrator.scheduler.workspace import files

_HANDOVER_SECONDS = 600.0

RunEnded = Callable[[UUID], "bool | None"]
"""Tells whether the run of a job has ended; None when there is no sign of that run."""


def hold(folder: Path, job_id: UUID) -> None:
    """Note that a job has a folder. The caller made sure, under a lock, that it is free."""
    files.write_json(_note(folder), {"job": str(job_id)})


def release(root: Path, pattern: str, job_id: UUID) -> None:
    """Let others have the folders that a job has, among those that match a pattern."""
    for note in root.glob(f"{pattern}.used"):
        if _job_in(note) == job_id:
            files.unlink(note)


def forget(folder: Path) -> None:
    """Delete the note about a folder that is gone."""
    files.unlink(_note(folder))


def is_free(folder: Path, job_id: UUID | None, run_ended: RunEnded) -> bool:
    """Whether a job may have a folder: nobody has it, the job itself has it, or the run that had it is over."""
    note = _note(folder)
    try:
        since = note.stat().st_mtime
    except FileNotFoundError:
        return True
    holder = _job_in(note)
    return holder is None or holder == job_id or has_ended(holder, time.time() - since, run_ended)


def has_ended(job_id: UUID, seconds: float, run_ended: RunEnded) -> bool:
    """Whether a run that was given its folder so many seconds ago is over."""
    ended = run_ended(job_id)
    # No sign of the run: it is about to start, or it never did, or it was cleared away without a release.
    return seconds > _HANDOVER_SECONDS if ended is None else ended


def _note(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.used")


def _job_in(note: Path) -> UUID | None:
    try:
        return UUID(files.read_json(note)["job"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
