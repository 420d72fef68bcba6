"""How many jobs of a trigger may run at the same time, in forms: that of a trigger, and the change of many.

Owns its fields, reading them, and how the limit is said in words. Must not know what becomes of what they say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nicegui import ui

from OpenOrchestrator.database.statuses import TriggerType
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.forms.checks import whole
from OpenOrchestrator.orchestrator.components.forms.fields import field, switch, text_input
from OpenOrchestrator.orchestrator.triggers.backend.settings import (
    DEFAULT_MOST_JOBS,
    LARGEST_MOST_JOBS,
    TriggerSettings,
    starts_at,
)
from OpenOrchestrator.orchestrator.triggers.checks import LARGEST_NUMBER

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer

_STEPS = 3
"""For so many jobs it is said from how many New elements on each starts."""

check_jobs = whole("how many jobs run at the same time", DEFAULT_MOST_JOBS, LARGEST_MOST_JOBS)
_check_per_job = whole("the elements per job", 1, LARGEST_NUMBER)


def check_per_job(value: Any) -> str | None:
    """Say what is wrong with the elements that one job stands for; none is right."""
    return _check_per_job(value) if str(value or "").strip() else None


def limit_words(jobs: int) -> str:
    """Return ``Up to 3``, or that there is one at a time. Pure."""
    return "One at a time" if jobs == DEFAULT_MOST_JOBS else f"Up to {times.number(jobs)} at the same time"


def scaling_words(jobs: int, batch: int, per_job: int | None) -> str:
    """Return from how many New elements on each of several jobs starts, while none is taken yet. Pure.

    Args:
        jobs: At the same time.
        batch: The least batch size.
        per_job: Elements that one job stands for; None for a batch.
    """
    steps = map(times.number, starts_at(jobs, batch, per_job)[:_STEPS])
    more = " and so on" if jobs > _STEPS else ""
    return f"Jobs start at {', '.join(steps)}{more} New elements, of which those that run have taken none yet."


class OverlapFields:
    """The section in an open drawer.

    Args:
        drawer: Where it is built.
        settings: What it says at first.
        batch: Returns what is entered as least batch size.
    """

    def __init__(self, drawer: FormDrawer, settings: TriggerSettings, batch: Callable[[], Any]) -> None:
        self._batch = batch
        self._kind = settings.type
        with drawer.section("At the same time"):
            self._single = ui.label("A single trigger runs once, with one job.").classes("oo-w2 oo-t2")
            with field("Jobs", hint="So many of its jobs may run beside each other.") as self._jobs_field:
                self._jobs = text_input("Jobs at the same time", str(settings.jobs), check=check_jobs, marker="jobs")
            with field("Elements per job", note="optional", hint="Empty is a batch.") as self._per_job_field:
                per_job = "" if settings.elements_per_job is None else str(settings.elements_per_job)
                self._per_job = text_input("Elements per job", per_job, check=check_per_job, marker="elements-per-job")
            self._words = ui.label().classes("oo-w2 oo-hint").props("aria-live=polite").mark("scaling")
        for name, each in (("Jobs", self._jobs), ("Elements per job", self._per_job)):
            each.props("inputmode=numeric").on_value_change(self.refresh)
            drawer.watch(name, each)

    def show(self, kind: TriggerType) -> None:
        """Show what a kind of trigger has of it."""
        self._kind = kind
        self._single.set_visibility(kind is TriggerType.SINGLE)
        self._jobs_field.set_visibility(kind is not TriggerType.SINGLE)
        self.refresh()

    def refresh(self) -> None:
        """Say anew what the numbers mean."""
        jobs, batch, per_job = (
            str(value or "").strip() for value in (self._jobs.value, self._batch(), self._per_job.value)
        )
        several = check_jobs(jobs) is None and int(jobs) > DEFAULT_MOST_JOBS
        of_queue = self._kind is TriggerType.QUEUE and several
        self._per_job_field.set_visibility(of_queue)
        words = ""
        if of_queue and _check_per_job(batch) is None and check_per_job(per_job) is None:
            words = scaling_words(int(jobs), int(batch), int(per_job) if per_job else None)
        elif self._kind is TriggerType.SCHEDULED and several:
            words = "A due time starts a job though others of it are still running, up to so many."
        self._words.set_text(words)
        self._words.set_visibility(bool(words))

    def values(self) -> dict[str, Any]:
        """Return what the fields say, by the names that settings have; they have to be valid."""
        if self._kind is TriggerType.SINGLE:
            return {"jobs": DEFAULT_MOST_JOBS, "elements_per_job": None}
        jobs, per_job = int(str(self._jobs.value).strip()), str(self._per_job.value or "").strip()
        of_queue = self._kind is TriggerType.QUEUE and bool(per_job) and check_per_job(per_job) is None
        return {"jobs": jobs, "elements_per_job": int(per_job) if of_queue else None}


class OverlapChange:
    """The limit for several triggers: nothing is changed unless somebody wants it.

    Args:
        on_change: Called when one of the fields is changed.
        shown: Whether there is a trigger that can have several jobs.
    """

    def __init__(self, on_change: Callable[[], Any], *, shown: bool) -> None:
        self._wanted = switch("Set how many jobs run at the same time", False, marker="set-jobs")
        self._wanted.set_visibility(shown)
        with field("Jobs", hint="Of each trigger; single triggers run once.") as self._field:
            self._jobs = text_input("Jobs at the same time", "1", check=check_jobs, marker="bulk-jobs")
            self._jobs.props("inputmode=numeric").on_value_change(on_change)
        self._field.set_visibility(False)

        def show() -> None:
            self._field.set_visibility(bool(self._wanted.value))
            on_change()

        self._wanted.on_value_change(show)

    def validate(self) -> bool:
        """Say beneath the field what is wrong with it; returns whether nothing is."""
        return not self._wanted.value or bool(self._jobs.validate())

    def value(self) -> int | None:
        """Return what it says, which has to be valid; None leaves all as it is."""
        return int(str(self._jobs.value).strip()) if self._wanted.value else None
