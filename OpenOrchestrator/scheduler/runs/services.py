"""What the supervisors of one scheduler work with, and what they need of whoever prepares robots.

Owns the shape of these; must do nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.scheduler.contact import Contact
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.runs.run_directory import OutputRecord, RunDirectory
from OpenOrchestrator.scheduler.runs.screenshots import Screenshots

if TYPE_CHECKING:
    from OpenOrchestrator.scheduler.runs.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Prepared:
    """A robot that can be started.

    Attributes:
        start: Starts it; raises LaunchError if that fails.
        commit: Commit of its repository, or None if it has none.
        missing: What else belongs to it and cannot be had, each as a sentence.
    """

    start: Callable[[], RunDirectory]
    commit: str | None
    missing: tuple[str, ...] = ()


class StartUnwantedError(Exception):
    """A preparation was broken off, because the start is not wanted any more."""


class StartWatch(Protocol):
    """What a preparation that takes long asks and tells on its way."""

    def say(self, line: str) -> None:
        """Show a line, without its end, in the output of the job."""

    @property
    def said(self) -> int:
        """How many pieces of output that made."""

    def require_wanted(self) -> None:
        """Do nothing as long as the robot is to be started.

        Raises:
            StartUnwantedError: It is not: the run was killed or given back, or the scheduler leaves.
        """


class Preparation(Protocol):
    """Makes a claimed run ready to start; may take minutes (git, environments)."""

    def __call__(self, run: ClaimedRun, watch: StartWatch) -> Prepared:
        """Return what starts the robot.

        Raises:
            LaunchError: With the reason to store on the job.
            StartUnwantedError: The watch said so.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the supervisors of one scheduler share.

    Attributes:
        database: Where jobs are kept.
        events: Told about every step.
        contact: Told about the health of the database.
        prepare: Makes a robot ready to start.
        on_over: Called from the run's thread, with its supervisor, when it needs nobody any more.
        on_record: Shown each piece of output; None for nobody.
        screenshots: Takes pictures of the screen where robots that drive it fail; None for none.
    """

    database: Database
    events: Events
    contact: Contact
    prepare: Preparation
    on_over: Callable[[Supervisor], None]
    on_record: Callable[[OutputRecord], None] | None = None
    screenshots: Screenshots | None = None
