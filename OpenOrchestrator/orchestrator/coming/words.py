"""What is said about coming runs, and about what will not fit. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo

from OpenOrchestrator.orchestrator.coming.backend.collisions import Kind, Places, Trouble
from OpenOrchestrator.orchestrator.coming.backend.coming import Forecast
from OpenOrchestrator.orchestrator.coming.backend.lengths import LAST_RUNS
from OpenOrchestrator.orchestrator.coming.backend.occurrences import Coming
from OpenOrchestrator.orchestrator.components import times

MOST_NAMES = 3


def runs_text(count: int) -> str:
    """Return ``1 run``, ``1 212 runs``."""
    return f"{times.number(count)} run{'' if count == 1 else 's'}"


def summary(forecast: Forecast) -> str:
    """Return what a forecast comes to in one line."""
    parts = [runs_text(forecast.total)]
    collisions = sum(trouble.kind is Kind.COLLISION for trouble in forecast.troubles)
    shortages = len(forecast.troubles) - collisions
    if collisions:
        parts.append(f"{times.number(collisions)} collision{'' if collisions == 1 else 's'}")
    if shortages:
        parts.append(f"too few slots {'once' if shortages == 1 else f'{times.number(shortages)} times'}")
    if forecast.more_troubles:
        parts.append(f"{times.number(forecast.more_troubles)} more not listed")
    return " · ".join(parts)


def some(names: Iterable[str], most: int = MOST_NAMES) -> str:
    """Return the first names, and how many more there are."""
    listed = list(dict.fromkeys(names))
    more = len(listed) - most
    return ", ".join(listed[:most]) + (f" and {more} more" if more > 0 else "")


def places_text(places: Places, live: Sequence[str]) -> str:
    """Return which schedulers may take a run: ``RPA-VM-01``, ``RPA-VM-01 or RPA-VM-02``, ``Any``."""
    if not places:
        return "None that takes runs"
    names = sorted(places, key=str.casefold)
    if len(names) > 1 and len(names) == len(live):
        return "Any"
    return " or ".join(names[:2]) + (f" or {len(names) - 2} more" if len(names) > 2 else "")


def length_words(run: Coming) -> tuple[str, str]:
    """Return how long a run is expected to take, and from what that is known."""
    trigger = run.trigger
    if trigger.seconds is None:
        return "Not known", "None of its last runs was done, so it is counted as one minute."
    runs = "its last run that was done" if trigger.measured == 1 else f"its last {trigger.measured} runs that were done"
    mean = "The length of" if trigger.measured == 1 else "The mean of"
    return times.duration(trigger.seconds), f"{mean} {runs}."


def when_words(run: Coming, now: datetime, zone: tzinfo) -> tuple[str, str]:
    """Return when a run is expected, and the full time."""
    start = run.start
    if run.count > 1:
        last = run.starts[-1]
        words = f"{times.calendar(start, now, zone)} to {times.clock_time(last, zone)}"
        return words, f"{runs_text(run.count)} from {times.absolute(start, zone)}"
    if run.trigger.first < now and start == now:
        return "At once", f"It starts when a scheduler is free. It was due {times.absolute(run.trigger.first, zone)}"
    return times.calendar(start, now, zone), times.absolute(start, zone)


def trouble_words(trouble: Trouble) -> tuple[str, str]:
    """Return what will not fit, and what that means."""
    if trouble.kind is Kind.SHORTAGE:
        slots = f"{times.number(trouble.slots)} slot{'' if trouble.slots == 1 else 's'}"
        names = some(run.trigger.name for run in trouble.runs)
        return f"{times.number(trouble.needed)} runs at once, {slots}: {names}", "The rest wait until a slot is free."
    blocking = [run.trigger.name for run in trouble.runs if run.trigger.is_blocking]
    others = [run.trigger.name for run in trouble.runs if not run.trigger.is_blocking]
    if not others:
        return f"Blocking: {some(blocking)}", "Each needs the scheduler for itself: one waits for the other."
    return (
        f"Blocking {some(blocking)} meets {some(others)}",
        "A blocking run starts when nothing else runs on its scheduler, and nothing starts beside it.",
    )


def trouble_time(trouble: Trouble, now: datetime, zone: tzinfo) -> tuple[str, str]:
    """Return when something will not fit, in words and in full."""
    length = trouble.end - trouble.start
    text = times.calendar(trouble.start, now, zone)
    if length >= timedelta(minutes=1):
        text += f" to {times.clock_time(trouble.end, zone)}"
    tip = (
        f"{times.full(trouble.start, zone)} to {times.full(trouble.end, zone)}\n{times.zone_text(trouble.start, zone)}"
    )
    return text, tip if trouble.times == 1 else f"{trouble.times} times between\n{tip}"


def pause_note(forecast: Forecast, zone: tzinfo) -> str:
    """Return what the pause of the site means for a forecast; empty without one."""
    if forecast.pause is None:
        return ""
    if forecast.pause.until is None:
        return "The whole site is paused, nobody said until when: this is what runs if it is resumed now."
    until = times.calendar(forecast.pause.until, forecast.now, zone)
    return f"The whole site is paused until {until}: what is due before starts then."


def looked_note(forecast: Forecast, zone: tzinfo) -> str:
    """Return how far was looked for what will not fit; empty where all of it was."""
    if forecast.looked_to is None:
        return ""
    until = times.calendar(forecast.looked_to, forecast.now, zone)
    return f"So many runs are expected that only those until {until} were set against each other."


def nowhere_note(forecast: Forecast) -> str:
    """Return which triggers no scheduler may take; empty if there are none."""
    held = any(each.held for each in forecast.schedulers)
    which = "is heard from and not cordoned" if held else "is heard from"
    return f"No scheduler that {which} may take {some(forecast.nowhere)}." if forecast.nowhere else ""


def notes(forecast: Forecast, zone: tzinfo) -> list[str]:
    """Return how sure a forecast is, and what it leaves out, in sentences."""
    said = [note for note in (pause_note(forecast, zone), looked_note(forecast, zone)) if note]
    said += [
        f"Expected from schedules; a run takes the mean of its trigger's last {LAST_RUNS} runs that were done.",
        "Whether a scheduler takes only triggers that name it is not known here.",
    ]
    if forecast.queue_triggers:
        number = forecast.queue_triggers
        queues = "1 queue trigger runs" if number == 1 else f"{times.number(number)} queue triggers run"
        said.append(f"{queues} when elements wait, so they have no times and are not counted.")
    if forecast.left_out:
        said.append(f"Paused, failed or killed, so left out: {some(forecast.left_out)}.")
    if forecast.unreadable:
        said.append(f"Left out, because their schedule cannot be read: {some(forecast.unreadable)}.")
    held = [each.name for each in forecast.schedulers if each.held and not each.silent]
    if held:
        said.append(f"Cordoned or drained, so nothing is expected on {some(held)}.")
    unknown = [each.name for each in forecast.schedulers if each.takes_runs and each.slots is None]
    if unknown:
        said.append(f"How many jobs run at once on {some(unknown)} is not known, so it counts as enough.")
    return said
