"""The fields of the question what is to be changed of several triggers: a switch for each setting, and what it gets.

Owns what is shown, and reading it. Must not know which triggers are meant, nor what becomes of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as field_of
from typing import Any

from nicegui import ui

from OpenOrchestrator.database.statuses import Desktop
from OpenOrchestrator.orchestrator.annotations.backend import wrong_tags
from OpenOrchestrator.orchestrator.components.forms.checks import whole
from OpenOrchestrator.orchestrator.components.forms.fields import Doubt, choice, field, switch, text_input
from OpenOrchestrator.orchestrator.triggers.backend.bulk_changes import BulkChange
from OpenOrchestrator.orchestrator.triggers.backend.places import Carried, unmet_words
from OpenOrchestrator.orchestrator.triggers.checks import (
    LARGEST_NUMBER,
    check_labels,
    check_schedulers,
    doubt_schedulers,
    entered,
)
from OpenOrchestrator.orchestrator.triggers.environment_fields import EnvironmentChange
from OpenOrchestrator.orchestrator.triggers.limit_fields import LimitChange
from OpenOrchestrator.orchestrator.triggers.missed_fields import MissedChange
from OpenOrchestrator.orchestrator.triggers.overlap_fields import OverlapChange
from OpenOrchestrator.orchestrator.triggers.place_words import DESKTOPS
from OpenOrchestrator.orchestrator.triggers.pool_fields import BulkPools

_check_priority = whole("the priority", -LARGEST_NUMBER, LARGEST_NUMBER)


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkChoices:
    """What the fields offer.

    Attributes:
        schedulers: Names to choose from.
        heard_of: Those that ever reported.
        labels: To choose from.
        live: What schedulers carry that are heard from.
        tags: To choose from.
        own_tags: Tags that some of the triggers have.
        pools: With how much there is of each.
        has_schedules: Whether one of the triggers runs by a schedule.
        may_overlap: Whether one of them can have several jobs.
    """

    schedulers: Sequence[str]
    heard_of: Sequence[str]
    labels: Sequence[str]
    live: Carried
    tags: Sequence[str]
    own_tags: Sequence[str]
    pools: Mapping[str, int] = field_of(default_factory=dict)
    has_schedules: bool = True
    may_overlap: bool = True


class BulkFields:
    """The fields, in the element that is open.

    Args:
        choices: What they offer.
        on_change: Called whenever something is entered.
    """

    def __init__(self, choices: BulkChoices, on_change: Callable[[], Any]) -> None:
        self._choices = choices
        self._on_change = on_change
        self._build_places()
        self._build_priority()
        self._limit = LimitChange(self._changed)
        self._missed = MissedChange(self._changed, shown=choices.has_schedules)
        self._environment = EnvironmentChange(self._changed)
        self._overlap = OverlapChange(self._changed, shown=choices.may_overlap)
        self._pools = BulkPools(choices.pools)
        for element in self._pools.elements:
            element.on_value_change(self._changed)
        self._build_tags()
        self._show()

    def _build_places(self) -> None:
        with self._switched("Schedulers", "None chosen means any.") as self._sets_where:
            self._where = self._many("Schedulers", self._choices.schedulers, check_schedulers, "bulk-schedulers")
            self._where_doubt = Doubt("bulk-schedulers-doubt")
        with self._switched("Labels", "Their schedulers have to carry all of them.") as self._sets_labels:
            self._labels = self._many("Labels", self._choices.labels, check_labels, "bulk-labels")
            self._labels_doubt = Doubt("bulk-labels-doubt")
        with self._switched("Desktop", "What their robots need of the machine.") as self._sets_desktop:
            self._desktop = choice("Desktop", DESKTOPS, Desktop.BACKGROUND, marker="bulk-desktop")
            self._desktop.on_value_change(self._changed)

    def _build_priority(self) -> None:
        with self._switched("Priority", "Higher runs first; 0 is normal.") as self._sets_priority:
            self._priority = text_input("Priority", "0", check=_check_priority, marker="bulk-priority")
            self._priority.on_value_change(self._changed)

    def _build_tags(self) -> None:
        with field("Add tags", note="optional"):
            self._added = self._many("Add tags", self._choices.tags, wrong_tags, "bulk-add-tags")
        with field("Take tags away", note="optional") as drop_field:
            own = list(self._choices.own_tags)
            self._dropped = choice("Take tags away", own, [], multiple=True, marker="bulk-drop-tags")
            self._dropped.on_value_change(self._changed)
        drop_field.set_visibility(bool(own))

    @contextmanager
    def _switched(self, name: str, hint: str) -> Iterator[ui.switch]:
        """Build a switch that says whether something is set, and around what is built here its field, while it is."""
        on = switch(f"Set the {name.lower()}", False, marker=f"set-{name.lower()}")
        with field(name, hint=hint) as shown:
            yield on
        shown.bind_visibility_from(on, "value")
        on.on_value_change(self._changed)

    def _many(self, name: str, offered: Sequence[str], check: Callable[[Any], str | None], marker: str) -> ui.select:
        element = choice(name, list(offered), [], check=check, multiple=True, new_values=True, marker=marker)
        element.on_value_change(self._changed)
        return element

    def _changed(self) -> None:
        self._show()
        self._on_change()

    def _show(self) -> None:
        self._where_doubt.show(doubt_schedulers(self._where.value, self._choices.heard_of))
        labels = entered(self._labels.value)
        self._labels_doubt.show("" if check_labels(labels) else unmet_words((), labels, self._choices.live))

    def values(self) -> BulkChange | None:
        """Return what is entered; None if something about it is wrong."""
        checked = (
            (True, self._limit),
            (True, self._missed),
            (True, self._overlap),
            (True, self._pools),
            (True, self._added),
            (self._sets_where.value, self._where),
            (self._sets_labels.value, self._labels),
            (self._sets_priority.value, self._priority),
        )
        right = [element.validate() for is_set, element in checked if is_set]  # each says what is wrong with it
        if not all(right):
            return None
        return BulkChange(
            schedulers=entered(self._where.value) if self._sets_where.value else None,
            labels=entered(self._labels.value) if self._sets_labels.value else None,
            desktop=self._desktop.value if self._sets_desktop.value else None,
            priority=int(str(self._priority.value).strip()) if self._sets_priority.value else None,
            limit=self._limit.value(),
            missed=self._missed.value(),
            environment=self._environment.value(),
            jobs=self._overlap.value(),
            pools=self._pools.values(),
            add_tags=tuple(self._added.value or ()),
            drop_tags=tuple(self._dropped.value or ()),
        )
