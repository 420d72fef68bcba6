"""What can be wrong with the fields of a trigger. Pure: each check returns what is wrong, or None."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.repository_address import MASK, RepositoryAddress
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.forms.checks import required
from OpenOrchestrator.orchestrator.triggers.backend.places import wrong_labels
from OpenOrchestrator.orchestrator.triggers.backend.settings import (
    LARGEST_RETRY_GROWTH,
    LONGEST_RETRY_PAUSE_SECONDS,
    LONGEST_STOP_SECONDS,
)
from OpenOrchestrator.orchestrator.triggers.cron_words import in_words

LONGEST_LIMIT_MINUTES = 10_080
LARGEST_NUMBER = 2_147_483_647


def check_cron(value: Any) -> str | None:
    """Say what is wrong with a cron expression."""
    text = str(value or "").strip()
    if not text:
        return "Enter a cron expression, for example 0 6 * * 1-5."
    try:
        in_words(text)
    except InvalidInputError as error:
        return str(error)
    return None if len(text) <= 200 else "At most 200 characters."


def check_path(stored: str) -> Callable[[Any], str | None]:
    """Return a check of the path in a form whose trigger has this one, of which the secrets are not shown."""
    right = required("a path", 250)

    def check(value: Any) -> str | None:
        text = str(value or "").strip()
        if MASK in text and unmasked(text, stored) == text:
            return f"{MASK} stands for what is not shown: enter the whole address, with user and token if it has some."
        return right(unmasked(text, stored))

    return check


def unmasked(entered: str, stored: str) -> str:
    """Return the path that is meant: the one stored if its address was left as it is shown, without its secrets."""
    return stored if entered == RepositoryAddress(stored).shown else entered


def check_arguments(value: Any) -> str | None:
    """Say what is wrong with arguments: only their length, because any text will do."""
    length = len(str(value or ""))
    return None if length <= 1000 else f"At most 1000 characters; these are {length}."


def doubt_arguments(value: Any) -> str | None:
    """Say why arguments that look like JSON are none. They may be meant so: nobody is forced to write JSON."""
    text = str(value or "")
    if text.strip()[:1] not in ("{", "["):
        return None
    try:
        json.loads(text)
    except ValueError as error:
        return f"Looks like JSON, but is not: {error}"
    except RecursionError:
        return "Looks like JSON, but is too deep to be read"
    return None


def doubt_name(value: Any, others: Sequence[str]) -> str:
    """Say what is odd about the name of a trigger, given those of all others; empty for nothing."""
    name = str(value or "").strip()
    alike = next((other for other in others if other.strip().casefold() == name.casefold()), None) if name else None
    return f"Another trigger is called {alike}: jobs and logs of the two look alike." if alike is not None else ""


def doubt_queue(value: Any, known: Sequence[str]) -> str:
    """Say what is odd about the queue of a trigger, given those there are; empty for nothing."""
    name = str(value or "").strip()
    if not name or name in known:
        return ""
    alike = next((other for other in known if other.strip().casefold() == name.casefold()), None)
    meant = f" Is {alike} meant?" if alike is not None else ""
    return f"There is no queue {name} yet: the trigger waits until something is put into it.{meant}"


def doubt_schedulers(value: Any, heard_of: Sequence[str]) -> str:
    """Say which of the chosen schedulers nobody has heard of; empty for none. Case and outer blanks do not count."""
    known = {name.strip().casefold() for name in heard_of}
    chosen = entered(value)
    unknown = [name for name in chosen if name.casefold() not in known]
    if not unknown:
        return ""
    alone = len(unknown) == len(chosen)
    until = " The trigger does not run before one does." if alone else ""
    return f"No scheduler named {' or '.join(unknown)} ever reported.{until}"


def check_limit(value: Any) -> str | None:
    """Say what is wrong with a time limit in minutes; none is right."""
    text = str(value or "").strip()
    if not text:
        return None
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0
    if not 1 / 60 <= minutes <= LONGEST_LIMIT_MINUTES:
        return f"Must be a number up to {times.number(LONGEST_LIMIT_MINUTES)} minutes, or empty."
    return None


def check_stop(value: Any) -> str | None:
    """Say what is wrong with how long a step of stopping a robot takes, in seconds; none is right."""
    text = str(value or "").strip()
    if not text or (text.isdecimal() and int(text) <= LONGEST_STOP_SECONDS):
        return None
    return f"Must be a whole number up to {times.number(LONGEST_STOP_SECONDS)} seconds, or empty."


def check_pause(value: Any) -> str | None:
    """Say what is wrong with a pause before a retry, in minutes; none is no pause."""
    return _wrong_minutes(value, "or 0")


def check_most(value: Any) -> str | None:
    """Say what is wrong with the longest pause before a retry, in minutes; none is right."""
    return _wrong_minutes(value, "or empty")


def check_growth(value: Any) -> str | None:
    """Say what is wrong with the number by which pauses grow."""
    try:
        growth = float(str(value or "").strip())
    except ValueError:
        growth = 0
    return None if 1 <= growth <= LARGEST_RETRY_GROWTH else f"Must be a number from 1 to {LARGEST_RETRY_GROWTH:g}."


def check_ends(value: Any) -> str | None:
    """Say what is wrong with the ends after which a run is tried again."""
    return None if value else "Choose at least one."


def _wrong_minutes(value: Any, otherwise: str) -> str | None:
    text = str(value or "").strip()
    try:
        minutes = float(text or 0)
    except ValueError:
        minutes = -1
    if 0 <= minutes <= LONGEST_RETRY_PAUSE_SECONDS / 60:
        return None
    return f"Must be a number up to {times.number(LONGEST_RETRY_PAUSE_SECONDS // 60)} minutes, {otherwise}."


def check_date(value: Any) -> str | None:
    """Say what is wrong with a date."""
    try:
        datetime.strptime(str(value or ""), "%Y-%m-%d")  # noqa: DTZ007  (site time is naive)
    except ValueError:
        return "Enter a date."
    return None


def check_time(value: Any) -> str | None:
    """Say what is wrong with a time of day."""
    try:
        datetime.fromisoformat(f"2026-01-01T{value or ''}")
    except ValueError:
        return "Enter a time."
    return None if value else "Enter a time."


def entered(value: Any) -> tuple[str, ...]:
    """Return the names that a field holds in which any can be typed: trimmed, each once; blanks alone are none."""
    return tuple(dict.fromkeys(name.strip() for name in value or () if name.strip()))


def check_labels(value: Any) -> str | None:
    """Say what is wrong with the labels that a trigger requires."""
    return wrong_labels(list(value or ()))


def check_schedulers(value: Any) -> str | None:
    """Say what is wrong with a list of schedulers."""
    names = list(entered(value))
    if len(json.dumps(names, ensure_ascii=False)) > 250:
        return "These names are too long together: at most about 240 characters."
    return None
