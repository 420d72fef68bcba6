"""What would be done to a site, as data, and whether two plans are of the same site. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.site.document import TriggerEntry
from OpenOrchestrator.site.present import PresentTrigger


class Action(Enum):
    """What is done; the values are the words for it."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"


class Noun(Enum):
    """To what; the values are the words for it."""

    SITE = "site"
    CALENDAR = "calendar"
    POOL = "pool"
    QUEUE = "queue"
    TRIGGER = "trigger"
    CONSTANT = "constant"
    CREDENTIAL = "credential"


@dataclass(frozen=True, slots=True)
class Step:
    """One value that changes.

    Attributes:
        before: As it is written in files; None for none.
        after: Likewise.
    """

    key: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is done to one thing.

    Attributes:
        name: What it is called now; a new one's new name.
        steps: The values that change; of what is new, those that it is made with.
        wanted: What the file says about a calendar or queue, or the setting; of a constant the ``ConstantValues`` to
            store.
        entry: What it says about a trigger.
        stored: The trigger as it was read.
        keys: Which values of the trigger are stored anew.
        next_run: When it is due, aware, if that changes.
    """

    action: Action
    noun: Noun
    name: str
    steps: tuple[Step, ...] = ()
    wanted: Any = None
    entry: TriggerEntry | None = None
    stored: PresentTrigger | None = None
    keys: frozenset[str] = frozenset()
    next_run: datetime | None = None

    @property
    def subject(self) -> str:
        """What it is done to, such as ``trigger Invoices``."""
        return f"{self.noun.value} {self.name}".strip()

    @property
    def seen(self) -> str:
        """What has to be the same when it is done."""
        return repr((self.action, self.noun, self.name, self.steps, None if self.stored is None else self.stored.id))


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done.

    Attributes:
        changes: In the order in which they are done.
        notes: What is left as it is though the file says otherwise, and why; sentences.
        others: What the site has and the file does not, which stays.
    """

    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()
    others: tuple[tuple[Noun, str], ...] = ()


def what_changed(before: Plan, after: Plan) -> str | None:
    """Return what somebody changed on a site between two looks that matters for a plan; None for nothing.

    Args:
        before: The plan that was agreed to.
        after: The plan that the same file makes now.
    """
    old = {each.seen: each for each in before.changes}
    new = {each.seen: each for each in after.changes}
    other = [old[seen] for seen in old if seen not in new] + [new[seen] for seen in new if seen not in old]
    words = list(dict.fromkeys(each.subject for each in other))
    for seen, change in old.items():
        one, now = change.stored, new[seen].stored if seen in new else None
        if one is None or now is None:
            continue
        started = now.last_run != one.last_run or (now.runs and not one.runs)
        if started:
            words.append(f"trigger {one.name} (it was started)")
        elif now.status is not one.status and (one.status, now.status) != (TriggerStatus.RUNNING, TriggerStatus.IDLE):
            words.append(f"trigger {one.name} (it was {one.status.value} and is {now.status.value} now)")
    return ", ".join(words) or None
