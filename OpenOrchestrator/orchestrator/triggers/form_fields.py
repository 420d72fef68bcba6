"""The fields of a trigger's form: what runs, when, and where and how.

Owns what is shown for which kind, and reading the fields. Must not know what becomes of what they say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as field_of
from datetime import datetime
from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.missed_runs import LIKE_BEFORE
from OpenOrchestrator.common.repository_address import RepositoryAddress
from OpenOrchestrator.database.statuses import SecretPassing, TriggerType
from OpenOrchestrator.orchestrator.components.forms.checks import at_most, required, whole
from OpenOrchestrator.orchestrator.components.forms.fields import (
    Doubt,
    choice,
    field,
    offer,
    segmented,
    switch,
    text_area,
    text_input,
)
from OpenOrchestrator.orchestrator.components.vocabulary import TYPE_ICONS
from OpenOrchestrator.orchestrator.triggers.backend.bulk_changes import TimeLimit
from OpenOrchestrator.orchestrator.triggers.backend.places import Carried
from OpenOrchestrator.orchestrator.triggers.backend.settings import TriggerSettings
from OpenOrchestrator.orchestrator.triggers.checks import (
    LARGEST_NUMBER,
    check_arguments,
    check_date,
    check_path,
    check_time,
    doubt_arguments,
    doubt_name,
    doubt_queue,
    unmasked,
)
from OpenOrchestrator.orchestrator.triggers.environment_fields import EnvironmentFields
from OpenOrchestrator.orchestrator.triggers.failure_fields import FailureFields
from OpenOrchestrator.orchestrator.triggers.form_schedule import ScheduleFields, zone_words
from OpenOrchestrator.orchestrator.triggers.limit_fields import LimitFields
from OpenOrchestrator.orchestrator.triggers.missed_fields import MissedFields
from OpenOrchestrator.orchestrator.triggers.overlap_fields import OverlapFields
from OpenOrchestrator.orchestrator.triggers.place_fields import PlaceFields
from OpenOrchestrator.orchestrator.triggers.pool_fields import PoolFields

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer
    from OpenOrchestrator.orchestrator.live.view import View

_PASSING = {
    SecretPassing.AUTO: "As the robot's OpenOrchestrator needs it",
    SecretPassing.ENVIRONMENT: "In environment variables",
    SecretPassing.ARGUMENTS: "As arguments (robots before 4.0)",
}


@dataclass(frozen=True, slots=True)
class KnownNames:
    """Names that the fields offer; others may be typed.

    Attributes:
        heard_of: Schedulers that ever reported, and not only stand in a trigger.
        triggers: Of all other triggers.
        zones: Of time zones.
        calendars: With what they say.
        pools: With how much there is of each.
        labels: That schedulers carry or triggers require.
        live: What schedulers carry that are heard from.
    """

    processes: tuple[str, ...]
    schedulers: tuple[str, ...]
    queues: tuple[str, ...]
    heard_of: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    pools: Mapping[str, int] = field_of(default_factory=dict)
    labels: tuple[str, ...] = ()
    live: Carried = field_of(default_factory=dict)


class TriggerFields:
    """The fields in an open drawer.

    Args:
        view: The page's.
        drawer: Where they are built.
        settings: What they say at first.
        names: To choose from.
        kind_is_fixed: Whether the kind is shown only.
    """

    def __init__(
        self, view: View, drawer: FormDrawer, settings: TriggerSettings, names: KnownNames, *, kind_is_fixed: bool
    ) -> None:
        self._view = view
        self._drawer = drawer
        self._settings = settings
        self._names = names
        self._kind_is_fixed = kind_is_fixed
        self._what()
        self._when()
        self._where()
        self._overlap = OverlapFields(drawer, settings, lambda: self._batch.value)
        self._batch.on_value_change(self._overlap.refresh)
        self._pools = PoolFields(drawer, settings.pools, names.pools)
        self._failure = FailureFields(drawer, settings)
        self._show_kind()

    def _what(self) -> None:
        settings, drawer = self._settings, self._drawer
        with drawer.section("What runs"):
            with ui.element("div").classes("oo-w2"):
                kinds = {kind: kind.value for kind in (TriggerType.SCHEDULED, TriggerType.QUEUE, TriggerType.SINGLE)}
                icons = [TYPE_ICONS[kind] for kind in kinds]
                self._kind = segmented(kinds, settings.type, label="Kind", icons=icons, wide=True, marker="kind")
                self._kind.on_value_change(self._show_kind)
                self._kind.set_enabled(not self._kind_is_fixed)
                drawer.keep("Kind", self._kind)
            with field("Name"):
                self._name = text_input("Name", settings.name, check=required("a name", 100), marker="name")
                self._name.props("autofocus")
                name_doubt = Doubt("name-doubt")
                self._name.on_value_change(lambda: name_doubt.show(doubt_name(self._name.value, self._names.triggers)))
            with field("Process", hint="Its name in jobs and logs."):
                self._process = text_input(
                    "Process", settings.process, check=required("the name of its process", 100), marker="process"
                )
                offer(self._process, self._names.processes, "processes")
            with field("Path", wide=True) as path_field:
                # Its secrets stay here: the field gets, and gives back, the address without them.
                shown = RepositoryAddress(settings.path).shown
                self._path = text_input("Path", shown, check=check_path(settings.path), mono=True, marker="path")
                with path_field:
                    self._path_hint = ui.label().classes("oo-hint")
            with ui.element("div"):
                self._git = switch("Git repository", settings.is_git, marker="git")
                self._git.on_value_change(self._show_git)
                drawer.keep("Git repository", self._git)
            with field("Branch, tag or commit", note="optional") as self._branch_field:
                self._branch = text_input(
                    "Branch, tag or commit", settings.branch or "", check=at_most(100), mono=True, marker="branch"
                )
                self._branch.props["placeholder"] = "The repository's default"
            with ui.element("div").classes("oo-w2") as self._keep_field:
                self._keep = switch("Keep files between runs", settings.keep_files, marker="keep-files")
                self._keep.on_value_change(drawer.touched)
                drawer.keep("Keep files between runs", self._keep)
                ui.label(
                    "A run finds what the one before left beside the files of the same commit, such as its .venv. "
                    "Otherwise every run starts in a fresh folder."
                ).classes("oo-hint").style("margin-top: 0")
            self._environment = EnvironmentFields(drawer, settings)
            with field("Arguments", note="optional, JSON or any text", wide=True):
                self._arguments = text_area(
                    "Arguments", settings.arguments, check=check_arguments, mono=True, marker="arguments"
                )
                self._doubt = ui.label().classes("oo-hint oo-fg-timeout").props("aria-live=polite")
                self._arguments.on_value_change(self._show_doubt)
        for name, each in (
            ("Name", self._name),
            ("Process", self._process),
            ("Path", self._path),
            ("Branch", self._branch),
            ("Arguments", self._arguments),
        ):
            drawer.watch(name, each)
        self._show_git()
        self._show_doubt()

    def _when(self) -> None:
        settings, drawer = self._settings, self._drawer
        now, zone = self._view.now(), self._view.zone
        note = zone_words(now, zone)
        with drawer.section("When") as grid:
            self._schedule = ScheduleFields(self._view, drawer, settings, self._names.zones, self._names.calendars)
            self._missed = MissedFields(settings.missed, drawer.touched)
            first = settings.next_run
            with field("Date", note=note) as self._date_field:
                self._date = text_input("Date", f"{first:%Y-%m-%d}" if first else "", check=check_date, marker="date")
                self._date.props("type=date")
            with field("Time") as self._time_field:
                self._time = text_input(
                    "Time", f"{first:%H:%M:%S}" if first else "", check=check_time, marker="time"
                ).props("type=time step=1")
            with field("Queue") as self._queue_field:
                known = sorted({*self._names.queues, *([settings.queue] if settings.queue else [])})
                self._queue = text_input(
                    "Queue", settings.queue or "", check=required("the name of its queue", 200), marker="queue"
                )
                offer(self._queue, known, "queues")
                queue_doubt = Doubt("queue-doubt")
                self._queue.on_value_change(lambda: queue_doubt.show(doubt_queue(self._queue.value, known)))
            with field("Least batch size", hint="Runs while so many elements are New.") as self._batch_field:
                self._batch = text_input(
                    "Least batch size",
                    str(settings.min_batch_size or 1),
                    check=whole("the least batch size", 1, LARGEST_NUMBER),
                    marker="batch",
                )
                self._batch.props("inputmode=numeric")
        self._when_grid = grid
        for name, each in (
            *self._missed.inputs.items(),
            ("Date", self._date),
            ("Time", self._time),
            ("Queue", self._queue),
            ("Least batch size", self._batch),
        ):
            drawer.watch(name, each)

    def _where(self) -> None:
        settings, drawer = self._settings, self._drawer
        with drawer.section("Where and how"):
            self._place = PlaceFields(
                drawer,
                settings,
                schedulers=self._names.schedulers,
                heard_of=self._names.heard_of,
                labels=self._names.labels,
                live=self._names.live,
            )
            with field("Priority", hint="Higher runs first; 0 is normal."):
                self._priority = text_input(
                    "Priority",
                    str(settings.priority),
                    check=whole("the priority", -LARGEST_NUMBER, LARGEST_NUMBER),
                    marker="priority",
                )
            self._limit = LimitFields(TimeLimit(settings.timeout_seconds, settings.stop_soft, settings.stop_terminate))
            with field("Connection string and key", wide=True):
                self._passing = choice("Connection string and key", _PASSING, settings.passing, marker="passing")
                self._passing.on_value_change(drawer.touched)
                drawer.keep("Connection string and key", self._passing)
        for name, each in (
            ("Priority", self._priority),
            *self._limit.inputs.items(),
        ):
            drawer.watch(name, each)

    def _show_git(self) -> None:
        is_git = bool(self._git.value)
        self._branch_field.set_visibility(is_git)
        self._keep_field.set_visibility(is_git)
        self._path_hint.set_text(
            "Address of the repository; its main.py is started, unless an entry says otherwise."
            if is_git
            else "A Python file, or a folder with a main.py, on the scheduler's machine."
        )
        self._drawer.touched()

    def _show_doubt(self) -> None:
        doubt = doubt_arguments(self._arguments.value)
        self._doubt.set_text(doubt or "")
        self._doubt.set_visibility(doubt is not None)

    def _show_kind(self) -> None:
        kind = self._kind.value
        for shown, fields in (
            (TriggerType.SINGLE, (self._date_field, self._time_field)),
            (TriggerType.QUEUE, (self._queue_field, self._batch_field)),
        ):
            for each in fields:
                each.set_visibility(kind is shown)
        self._schedule.show(kind is TriggerType.SCHEDULED)
        self._missed.show(kind is TriggerType.SCHEDULED)
        self._overlap.show(kind)
        self._drawer.icon.set_name(TYPE_ICONS[kind])
        self._drawer.touched()

    def values(self) -> TriggerSettings:
        """Return what the fields say; they have to be valid."""
        kind = self._kind.value
        next_run = None
        if kind is TriggerType.SINGLE:
            next_run = datetime.fromisoformat(f"{self._date.value}T{self._time.value}")
        limit = self._limit.value()
        return TriggerSettings(
            name=self._name.value.strip(),
            process=self._process.value.strip(),
            type=kind,
            path=unmasked(self._path.value.strip(), self._settings.path),
            arguments=self._arguments.value or "",
            is_git=bool(self._git.value),
            branch=(self._branch.value.strip() or None) if self._git.value else None,
            priority=int(self._priority.value),
            **self._place.values(),
            passing=self._passing.value,
            keep_files=bool(self._git.value and self._keep.value),
            timeout_seconds=limit.seconds,
            **self._environment.values(),
            stop_soft=limit.soft,
            stop_terminate=limit.terminate,
            **self._schedule.values(),
            missed=self._missed.value() if kind is TriggerType.SCHEDULED else LIKE_BEFORE,
            next_run=next_run,
            queue=self._queue.value.strip() if kind is TriggerType.QUEUE else None,
            min_batch_size=int(self._batch.value) if kind is TriggerType.QUEUE else None,
            **self._overlap.values(),
            **self._failure.values().as_settings(),
            pools=self._pools.values(),
        )
