"""Labels: what schedulers carry, and triggers require. Pure, and known to everybody who asks where a trigger may run.

Owns how labels are compared and written, and the mark in the whitelist that keeps schedulers of earlier versions away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from OpenOrchestrator.common.errors import InvalidInputError

LONGEST_LABEL = 50
MOST_LABELS = 20

NEEDS_LABELS = "(needs labels, see 4.0)"
"""Stands alone in the whitelist of a trigger that requires labels and names no scheduler.

Schedulers of 2.0 and 3.0 know no labels, and leave alone what has a whitelist that does not name them. Whoever reads
the whitelist here does not see it.
"""


def label_key(label: str) -> str:
    """Return what tells a label from others: case and outer blanks do not count."""
    return label.strip().casefold()


def missing(required: Iterable[str], carried: Iterable[str]) -> tuple[str, ...]:
    """Return the labels of a trigger that a scheduler does not carry."""
    keys = {label_key(label) for label in carried}
    return tuple(label for label in required if label_key(label) not in keys)


def may_take(required: Collection[str], carried: Collection[str] | None, *, is_named: bool) -> bool:
    """Tell whether a scheduler that the whitelist admits may run a trigger.

    Args:
        required: The labels of the trigger; empty for none.
        carried: Those of the scheduler; None if it is of a version that knows no labels.
        is_named: Whether the whitelist names it: that is all that such a version looks at.
    """
    if not required:
        return True
    return is_named if carried is None else not missing(required, carried)


def checked_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Return labels as they are stored: without outer blanks, each once, in the order given; empty ones are left out.

    Raises:
        InvalidInputError: If one is too long, or holds a comma or a control character, or there are too many.
    """
    found: dict[str, str] = {}
    for each in labels:
        label = each.strip()
        if not label:
            continue
        if len(label) > LONGEST_LABEL or "," in label or not label.isprintable():
            raise InvalidInputError(
                f"The label {label[:LONGEST_LABEL]!r} cannot be: a label is a text of at most {LONGEST_LABEL} "
                "characters on one line, without commas."
            )
        found.setdefault(label_key(label), label)
    if len(found) > MOST_LABELS:
        raise InvalidInputError(f"These are {len(found)} labels; there can be {MOST_LABELS} at most.")
    return tuple(found.values())


def stored_whitelist(names: Sequence[str], required: Collection[str]) -> list[str]:
    """Return the whitelist of a trigger as it is stored, with the mark where it needs it."""
    return list(names) or ([NEEDS_LABELS] if required else [])


def without_mark(names: Iterable[str]) -> list[str]:
    """Return a whitelist as it was stored without the mark."""
    return [name for name in names if name != NEEDS_LABELS]
