"""Words that several log lines of a scheduler share: counts, lengths of time, retries. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from OpenOrchestrator.database.stores.trigger_rows import WaitingRetry


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def dropped(lines: int) -> str:
    """Return what stands for lines that nobody took."""
    return f"{count(lines, 'line')} of this log are missing here: nobody took what was written to it for too long."


def duration(seconds: float) -> str:
    """Return a length of time for people."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min {rest} s" if hours else f"{minutes} min {rest} s"


def is_retry(retry: WaitingRetry | None) -> str:
    """Return which retry a claimed run is; empty for a first attempt."""
    if retry is None:
        return ""
    return f" for retry {retry.number}" + (f" of job {retry.first}" if retry.first is not None else "")


def planned(retry: WaitingRetry | None) -> str:
    """Return the sentence that a retry waits, its time told as in the log; empty for none."""
    return f" Retry {retry.number} is due at {retry.at.astimezone():%Y-%m-%d %H:%M:%S}." if retry is not None else ""


def retry_fields(retry: WaitingRetry | None) -> dict[str, int | str | UUID | None]:
    """Return a retry as fields of a log line, for programs; none where there is none."""
    if retry is None:
        return {}
    return {"retry": retry.number, "retry_at": retry.at.isoformat(), "retry_of": retry.first}


def swept(counts: Mapping[str, int], seconds: float) -> str:
    """Return what was deleted because it was too old."""
    shown = ", ".join(f"{number} {what.replace('_', ' ')}" for what, number in counts.items())
    return f"Deleted what was older than it is kept, within {duration(seconds)}: {shown}."
