"""Failures grouped by what caused them, rather than job by job. Pure.

Two failures have one cause when they ended the same way and their reasons say the same but for numbers, ids, times,
paths and quoted names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from OpenOrchestrator.database.statuses import JobStatus

LONGEST_TITLE = 160

_VARIES = (
    re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE),
    re.compile(r"""(["'])(?:(?!\1).){1,200}\1"""),
    re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE),
    re.compile(r"(?:\b[a-z]:)?(?:[\\/][^\s\\/:,;]+){2,}", re.IGNORECASE),
    re.compile(r"\b0x[0-9a-f]+\b|\b(?=[a-f0-9]*[0-9])[0-9a-f]{7,}\b", re.IGNORECASE),
    re.compile(r"[0-9]+(?:[.,:/-][0-9]+)*"),
)
_BLANKS = re.compile(r"\s+")
_SAYS_NOTHING = re.compile(r"(?:the robot ended with )?exit code -?[0-9]+(?: \(0x[0-9A-Fa-f]+\))?\.?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that ended badly.

    Attributes:
        name: Of its trigger, or its process.
        reason: Why it ended, as far as is known.
        ended: Naive site time.
    """

    job_id: UUID
    status: JobStatus
    name: str
    trigger_id: UUID | None
    scheduler: str
    reason: str
    ended: datetime


@dataclass(frozen=True, slots=True)
class Cause:
    """Why several jobs failed.

    Attributes:
        key: Tells causes apart, the same at every look.
        title: The newest reason, in one line.
        names: Of triggers or processes, the newest first.
        triggers: Their ids.
        schedulers: Where they ran.
        first: Naive site time of the first of them.
        last: Naive site time of the last.
        newest: The last job.
    """

    key: str
    status: JobStatus
    title: str
    names: tuple[str, ...]
    triggers: tuple[UUID, ...]
    schedulers: tuple[str, ...]
    count: int
    first: datetime
    last: datetime
    newest: UUID


@lru_cache(maxsize=4096)
def normalised(reason: str) -> str:
    """Return what a reason says without what varies from failure to failure."""
    text = reason
    for pattern in _VARIES:
        text = pattern.sub("#", text)
    return _BLANKS.sub(" ", text).strip(" .!").casefold()


def says_nothing(reason: str | None) -> bool:
    """Tell whether a reason only says that the robot failed, so that its log knows more."""
    return not reason or not reason.strip() or _SAYS_NOTHING.fullmatch(reason.strip()) is not None


def title_of(reason: str) -> str:
    """Return a reason as one line that is not too long, beginning with a capital where it is a sentence."""
    line = next((line.strip() for line in reason.splitlines() if line.strip()), "")
    line = _BLANKS.sub(" ", line)
    if len(line) > LONGEST_TITLE:
        line = line[: LONGEST_TITLE - 1].rstrip() + "…"
    word = line.split(" ", 1)[0]
    return line[:1].upper() + line[1:] if word.isalpha() and word.islower() else line


def group(jobs: Iterable[FailedJob]) -> tuple[Cause, ...]:
    """Return the causes of failed jobs, the one seen last first."""
    groups: dict[tuple[JobStatus, str], list[FailedJob]] = {}
    for job in jobs:
        groups.setdefault((job.status, normalised(job.reason)), []).append(job)
    causes = [_cause(key, members) for key, members in groups.items()]
    return tuple(sorted(causes, key=lambda cause: (cause.last, cause.key), reverse=True))


def _cause(key: tuple[JobStatus, str], jobs: list[FailedJob]) -> Cause:
    jobs = sorted(jobs, key=lambda job: (job.ended, job.job_id.bytes), reverse=True)
    status, text = key
    return Cause(
        key=f"{status.name} {text}",
        status=status,
        title=title_of(jobs[0].reason),
        names=tuple(dict.fromkeys(job.name for job in jobs)),
        triggers=tuple(dict.fromkeys(job.trigger_id for job in jobs if job.trigger_id is not None)),
        schedulers=tuple(dict.fromkeys(job.scheduler for job in jobs)),
        count=len(jobs),
        first=jobs[-1].ended,
        last=jobs[0].ended,
        newest=jobs[0].job_id,
    )
