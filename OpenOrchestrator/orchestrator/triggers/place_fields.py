"""The part of a trigger's form that says where it runs: on which schedulers, with which labels, at which desktop.

Owns its fields, what is doubtful about them, and reading them. Must not know the rest of the form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nicegui import ui

from OpenOrchestrator.orchestrator.components.forms.fields import Check, Doubt, choice, field
from OpenOrchestrator.orchestrator.triggers.backend.places import Carried, unmet_words
from OpenOrchestrator.orchestrator.triggers.backend.settings import TriggerSettings
from OpenOrchestrator.orchestrator.triggers.checks import check_labels, check_schedulers, doubt_schedulers, entered
from OpenOrchestrator.orchestrator.triggers.place_words import DESKTOPS

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer


class PlaceFields:
    """The fields in the open section of a drawer.

    Args:
        drawer: Where they are built.
        settings: What they say at first.
        schedulers: Names to choose from.
        heard_of: Those of them that ever reported.
        labels: To choose from.
        live: What schedulers carry that are heard from.
    """

    def __init__(
        self,
        drawer: FormDrawer,
        settings: TriggerSettings,
        *,
        schedulers: Sequence[str],
        heard_of: Sequence[str],
        labels: Sequence[str],
        live: Carried,
    ) -> None:
        self._heard_of = heard_of
        self._live = live
        with field("Schedulers", hint="None chosen means any."):
            self._schedulers = _names("Schedulers", schedulers, settings.schedulers, check=check_schedulers)
            self._schedulers_doubt = Doubt("schedulers-doubt")
        with field("Labels", hint="Its scheduler has to carry all of them."):
            self._labels = _names("Labels", labels, settings.labels, check=check_labels)
            self._labels_doubt = Doubt("labels-doubt")
        with field("Desktop", hint="What its robot needs of the machine.", wide=True):
            self._desktop = choice("Desktop", DESKTOPS, settings.desktop, marker="desktop")
        for each in (self._schedulers, self._labels):
            each.on_value_change(self._show_doubts)
        self._desktop.on_value_change(drawer.touched)
        drawer.keep("Desktop", self._desktop)
        drawer.watch("Schedulers", self._schedulers)
        drawer.watch("Labels", self._labels)
        self._show_doubts()

    def values(self) -> dict[str, Any]:
        """Return what the fields say, by the names that settings have; they have to be valid."""
        return {
            "schedulers": self._chosen(self._schedulers),
            "labels": self._chosen(self._labels),
            "desktop": self._desktop.value,
        }

    def _show_doubts(self) -> None:
        chosen, labels = self._chosen(self._schedulers), self._chosen(self._labels)
        self._schedulers_doubt.show(doubt_schedulers(chosen, self._heard_of))
        self._labels_doubt.show("" if check_labels(labels) else unmet_words(chosen, labels, self._live))

    @staticmethod
    def _chosen(element: ui.select) -> tuple[str, ...]:
        return entered(element.value)


def _names(label: str, known: Sequence[str], chosen: Sequence[str], *, check: Check) -> ui.select:
    options = sorted({*known, *chosen}, key=str.casefold)
    return choice(label, options, list(chosen), check=check, multiple=True, new_values=True, marker=label.lower())
