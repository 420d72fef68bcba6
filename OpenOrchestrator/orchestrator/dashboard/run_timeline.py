"""The runs of the last 24 hours, one lane for each scheduler."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import urlencode

from nicegui.element import Element

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.choices import join_choice
from OpenOrchestrator.orchestrator.components.vocabulary import JOB_LOOKS
from OpenOrchestrator.orchestrator.dashboard.backend.timeline import LENGTH, Bar, Lane

TICK_HOURS = 4


class RunTimeline(Element, component="run_timeline.js"):
    """Bars in the colours of how runs ended; a click opens the job.

    Args:
        prefix: Path under which a reverse proxy serves the app.
    """

    def __init__(self, *, prefix: str) -> None:
        super().__init__()
        self.lanes: list[dict[str, Any]] = []
        self._props["lanes"] = []
        self._props["ticks"] = []
        self._props["span"] = LENGTH.total_seconds()
        self._props["prefix"] = prefix
        self._props["label"] = "Runs by scheduler, last 24 hours"
        self._drawn: tuple[Sequence[Lane], datetime, tzinfo] | None = None

    def show(self, lanes: Sequence[Lane], now: datetime, zone: tzinfo) -> None:
        """Show these lanes. Between changes, only the time is sent, once a minute."""
        minute = now.replace(second=0, microsecond=0)
        if self._drawn == (lanes, minute, zone):
            return  # what is said of a run changes with the run, or with the minute
        self._drawn = lanes, minute, zone
        new = [_lane(lane, zone, now) for lane in lanes]
        ticks = _ticks(now, zone)
        second, clock = int(now.timestamp()), times.clock_time(now, zone)
        if new != self.lanes or ticks != self._props["ticks"]:
            self.lanes = new
            self._props["lanes"] = new
            self._props["ticks"] = ticks
            self._props["now"] = second
            self._props["time"] = clock
            self.update()
        else:
            self.run_method("tick", second, clock)


def _ticks(now: datetime, zone: tzinfo) -> list[list[Any]]:
    """Return full hours by the site's clock with their words; a new day says its name."""
    first = (now - LENGTH).replace(minute=0, second=0, microsecond=0)
    ticks: list[list[Any]] = []
    named = False
    for hour in range(26):
        instant = first + timedelta(hours=hour)
        local = instant.astimezone(zone)
        if local.hour % TICK_HOURS == 0 and instant <= now and instant > now - LENGTH:
            day = f"{times.DAYS[local.weekday()]} " if local.hour == 0 or not named else ""
            named = True
            ticks.append([int(instant.timestamp()), f"{day}{local:%H:%M}"])
    return ticks


def _lane(lane: Lane, zone: tzinfo, now: datetime) -> dict[str, Any]:
    jobs = urlencode({"scheduler": join_choice((lane.scheduler,), exclude=False)})
    shown: dict[str, Any] = {
        "n": lane.scheduler,
        "h": f"/jobs?{jobs}",
        "b": [_bar(bar, zone, jobs) for bar in lane.bars],
    }
    if lane.silent_since is not None:
        seen = times.from_site(lane.silent_since, zone)
        shown["since"] = int(seen.timestamp())
        shown["words"] = f"Not heard from since {times.calendar(seen, now, zone)}"
        shown["tip"] = f"Last heard from {times.absolute(seen, zone)}"
    return shown


def _bar(bar: Bar, zone: tzinfo, of_scheduler: str) -> dict[str, Any]:
    look = JOB_LOOKS[bar.status]
    start = times.from_site(bar.start, zone)
    end = times.from_site(bar.end, zone) if bar.end is not None else None
    when = times.clock_time(start, zone)
    if end is not None:
        when += f" to {times.clock_time(end, zone)}, {times.exact_duration((end - start).total_seconds())}"
    what = f"{bar.count} runs, the last one {bar.name}" if bar.count > 1 else bar.name
    several = {}
    if bar.count > 1 and bar.end is not None:
        period = urlencode({"from": f"{bar.start:%Y-%m-%dT%H:%M:%S}", "to": f"{bar.end:%Y-%m-%dT%H:%M:%S}"})
        several = {"h": f"/jobs?{of_scheduler}&status=done&{period}"}
    return {
        **several,
        "i": str(bar.job_id),
        "n": bar.name,
        "c": look.tone,
        "s": int(start.timestamp()),
        "e": int(end.timestamp()) if end is not None else None,
        "t": f"{what}: {look.word}\n{when} {times.abbreviated(start, zone)}" + ("" if end else ", running"),
    }
