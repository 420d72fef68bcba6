"""The fields that say what becomes of runs that were missed; in the form of a trigger, and where several are changed.

Owns them, and how the rule is said in words. Must not know what becomes of what they say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from OpenOrchestrator.common.missed_runs import (
    LARGEST_MOST,
    LATE_SECONDS,
    LIKE_BEFORE,
    LONGEST_WITHIN_SECONDS,
    MissedPolicy,
    MissedRuns,
)
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.forms.checks import whole
from OpenOrchestrator.orchestrator.components.forms.fields import choice, field, switch, text_input

WAYS = {
    MissedRuns.ONCE: "Run once for all of them",
    MissedRuns.EACH: "Run each of them, in order",
    MissedRuns.SKIP: "Skip them",
}
_HINT = f"When nothing was there to start it, or all was paused. Up to {LATE_SECONDS // 60} min late is not missed."

check_number = whole("how many are run", 1, LARGEST_MOST)


class MissedFields:
    """The fields, in what is open.

    Args:
        policy: What they say at first.
        on_change: Called when one of them is changed.
        prefix: Stands before their markers.
    """

    def __init__(self, policy: MissedPolicy, on_change: Callable[[], Any], *, prefix: str = "") -> None:
        self._policy = policy
        self._on_change = on_change
        self._shown = True
        with field("Missed runs", hint=_HINT) as self._way_field:
            self._way = choice("Missed runs", WAYS, policy.run, marker=f"{prefix}missed")
            self._way.on_value_change(self._changed)
        with field("Within", note="optional", hint="Those that are later are skipped.") as self._within_field:
            within = "" if policy.within_seconds is None else f"{policy.within_seconds / 60:.10g}"
            self._within = text_input(
                "Within", within, check=self._check_within, suffix="min", marker=f"{prefix}missed-within"
            )
            self._within.on_value_change(on_change)
        with field("At most", hint="The last so many; those before are skipped.") as self._most_field:
            self._most = text_input(
                "At most", str(policy.most), check=self._check_most, suffix="runs", marker=f"{prefix}missed-most"
            )
            self._most.props("inputmode=numeric").on_value_change(on_change)
        self.inputs = {"Missed runs": self._way, "Within": self._within, "At most": self._most}
        self.show(True)

    def show(self, shown: bool) -> None:
        """Show them, or hide them."""
        self._shown = shown
        self._way_field.set_visibility(shown)
        self._within_field.set_visibility(shown and self._way.value is not MissedRuns.SKIP)
        self._most_field.set_visibility(shown and self._way.value is MissedRuns.EACH)

    def validate(self) -> bool:
        """Say beneath each field what is wrong with it; returns whether nothing is."""
        return all([self._within.validate(), self._most.validate()])

    def value(self) -> MissedPolicy:
        """Return what they say; they have to be valid. What is hidden stays as it was."""
        way: MissedRuns = self._way.value
        within, most = self._policy.within_seconds, self._policy.most
        if way is not MissedRuns.SKIP:
            text = str(self._within.value or "").strip()
            within = round(float(text) * 60) if text else None
        if way is MissedRuns.EACH:
            most = int(self._most.value)
        return MissedPolicy(way, within, most)

    def _changed(self) -> None:
        self.show(self._shown)
        self._on_change()

    def _check_within(self, value: Any) -> str | None:
        return check_within(value) if self._shown and self._way.value is not MissedRuns.SKIP else None

    def _check_most(self, value: Any) -> str | None:
        return check_number(value) if self._shown and self._way.value is MissedRuns.EACH else None


class MissedChange:
    """The same fields for several triggers: nothing is changed unless somebody wants it.

    Args:
        on_change: Called when one of them is changed.
        shown: Whether there is a trigger that can miss runs.
    """

    def __init__(self, on_change: Callable[[], Any], *, shown: bool) -> None:
        self._wanted = switch("Set what becomes of missed runs", False, marker="set-missed")
        self._wanted.set_visibility(shown)
        self._fields = MissedFields(LIKE_BEFORE, on_change, prefix="bulk-")
        self._fields.show(False)

        def show() -> None:
            self._fields.show(bool(self._wanted.value))
            on_change()

        self._wanted.on_value_change(show)

    def validate(self) -> bool:
        """Say beneath each field what is wrong with it; returns whether nothing is."""
        return not self._wanted.value or self._fields.validate()

    def value(self) -> MissedPolicy | None:
        """Return what they say; they have to be valid. None leaves all as it is."""
        return self._fields.value() if self._wanted.value else None


def check_within(value: Any) -> str | None:
    """Say what is wrong with how late a run may be, in minutes; none is right."""
    text = str(value or "").strip()
    if not text:
        return None
    try:
        seconds = float(text) * 60
    except ValueError:
        seconds = 0
    if LATE_SECONDS <= seconds <= LONGEST_WITHIN_SECONDS:
        return None
    least, most = LATE_SECONDS // 60, times.number(LONGEST_WITHIN_SECONDS // 60)
    return f"Must be a number from {least} to {most} minutes, or empty for any time."


def in_words(policy: MissedPolicy) -> str:
    """Return what becomes of missed runs: ``One run for all, within 1 h``. Pure."""
    if policy.run is MissedRuns.SKIP:
        return "Skipped"
    within = f", within {times.limit(policy.within_seconds)}" if policy.within_seconds is not None else ""
    if policy.run is MissedRuns.EACH:
        return f"Each in order, {times.number(policy.most)} at most{within}"
    return f"One run for all{within}"
