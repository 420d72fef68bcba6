"""Coming runs as bars, one lane for each scheduler, and one for runs that several may take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import urlencode

from nicegui.element import Element

from OpenOrchestrator.orchestrator.coming.backend.collisions import Places
from OpenOrchestrator.orchestrator.coming.backend.coming import Forecast
from OpenOrchestrator.orchestrator.coming.backend.occurrences import Coming
from OpenOrchestrator.orchestrator.coming.words import places_text, runs_text, some, trouble_time, trouble_words
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.choices import join_choice

MOST_LANES = 40
MOST_BARS = 800
"""In all lanes: beyond that, bars that are further apart become one, because each is a link in the browser."""


class ComingLanes(Element, component="lanes.js"):
    """Bars from now on; a click opens the trigger.

    Args:
        prefix: Path under which a reverse proxy serves the app.
    """

    def __init__(self, *, prefix: str) -> None:
        super().__init__()
        self.lanes: list[dict[str, Any]] = []
        self._props["lanes"] = []
        self._props["ticks"] = []
        self._props["from"] = 0
        self._props["span"] = 1
        self._props["prefix"] = prefix
        self._props["label"] = "Coming runs by scheduler"

    def show(self, forecast: Forecast, zone: tzinfo) -> int:
        """Show a forecast; returns how many lanes there are beyond those that are shown."""
        lanes = lanes_of(forecast, zone)
        shown = lanes[:MOST_LANES]
        new = {
            "lanes": shown,
            "ticks": ticks_of(forecast.now, forecast.until, zone),
            "from": int(forecast.now.timestamp()),
            "span": (forecast.until - forecast.now).total_seconds(),
        }
        if any(self._props[name] != value for name, value in new.items()):
            self.lanes = shown
            self._props.update(new)
            self.update()
        return len(lanes) - len(shown)


def lanes_of(forecast: Forecast, zone: tzinfo) -> list[dict[str, Any]]:
    """Return a lane for each scheduler with anything to see, and for each choice of several."""
    live = [each.name for each in forecast.schedulers if each.takes_runs]
    runs: dict[Places, list[Coming]] = {}
    for expected in forecast.runs:
        runs.setdefault(expected.places, []).append(expected.run)
    troubles: dict[Places, list[dict[str, Any]]] = {}
    for trouble in forecast.troubles:
        what, means = trouble_words(trouble)
        when, _ = trouble_time(trouble, forecast.now, zone)
        bar = {"s": int(trouble.start.timestamp()), "e": int(trouble.end.timestamp()), "t": f"{what}\n{when}\n{means}"}
        troubles.setdefault(trouble.places, []).append(bar)
    gap = (forecast.until - forecast.now) / 800
    while True:
        bars = {places: _bars(some_runs, gap, forecast.now, zone) for places, some_runs in runs.items()}
        if sum(map(len, bars.values())) <= MOST_BARS or gap > timedelta(hours=6):
            break
        gap *= 2
    order = sorted({*bars, *troubles}, key=lambda places: (len(places) != 1, len(places), sorted(places)))
    return [_lane(places, bars.get(places, []), troubles.get(places, []), live) for places in order]


def _lane(
    places: Places, bars: list[dict[str, Any]], troubles: list[dict[str, Any]], live: Sequence[str]
) -> dict[str, Any]:
    name = places_text(places, live)
    lane: dict[str, Any] = {"n": name if places else "No scheduler", "b": bars, "w": troubles}
    if len(places) == 1:
        lane["h"] = f"/coming?{urlencode({'scheduler': join_choice((name,), exclude=False)})}"
        lane["tip"] = name
    elif places:
        lane["tip"] = "Which of them takes a run shows when it is due:\n" + some(sorted(places, key=str.casefold), 12)
    else:
        lane["tip"] = "The schedulers that their triggers name are not heard from, or cordoned."
        lane["x"] = True
    return lane


def _bars(runs: Iterable[Coming], gap: timedelta, now: datetime, zone: tzinfo) -> list[dict[str, Any]]:
    """Return bars by start; those of plain runs that are less than a gap apart are one."""
    merged: list[list[Coming]] = []
    end = now
    for run in runs:  # by start
        last = merged[-1] if merged else None
        if last and run.start - end < gap and last[0].trigger.is_blocking == run.trigger.is_blocking:
            last.append(run)
            end = max(end, run.end)
        else:
            merged.append([run])
            end = run.end
    return [_bar(group, now, zone) for group in merged]


def _bar(group: Sequence[Coming], now: datetime, zone: tzinfo) -> dict[str, Any]:
    first, end = group[0], max(run.end for run in group)
    count = sum(run.count for run in group)
    names = list(dict.fromkeys(run.trigger.name for run in group))
    what = names[0] if count == 1 else f"{runs_text(count)}: {some(names)}"
    when = f"{times.calendar(first.start, now, zone)} to about {times.clock_time(end, zone)}"
    alone = len(names) == 1
    bar: dict[str, Any] = {
        "s": int(first.start.timestamp()),
        "e": int(end.timestamp()),
        "t": f"{what}\nexpected {when}" + ("\nBlocking" if first.trigger.is_blocking else ""),
        "h": f"/triggers/{first.trigger.id}" if alone else f"/coming?{urlencode({'q': names[0]})}",
    }
    if first.trigger.is_blocking:
        bar["k"] = True
    return bar


def ticks_of(now: datetime, until: datetime, zone: tzinfo) -> list[list[Any]]:
    """Return full hours, or days, by the site's clock with their words."""
    days = (until - now) > timedelta(days=2)
    ticks: list[list[Any]] = []
    local = now.astimezone(zone)
    instant = now - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    named = False
    while (instant := instant + timedelta(hours=1)) < until:
        local = instant.astimezone(zone)
        place = (instant - now) / (until - now)
        if local.hour % (24 if days else 4) or not 0.02 <= place <= 0.96:
            continue
        day = times.DAYS[local.weekday()]
        text = (
            f"{day} {local.day}"
            if days
            else f"{day} {local:%H:%M}"
            if local.hour == 0 or not named
            else f"{local:%H:%M}"
        )
        named = True
        ticks.append([int(instant.timestamp()), text])
    return ticks
