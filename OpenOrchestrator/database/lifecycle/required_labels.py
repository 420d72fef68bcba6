"""Whether any scheduler that is heard from may run a trigger, and what is missing where none may. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from OpenOrchestrator.database.labels import may_take, missing
from OpenOrchestrator.database.stores.due_triggers import is_allowed_on

Carried = Mapping[str, Collection[str] | None]
"""What schedulers carry, by name; None for those of a version that knows no labels."""

_MOST_NAMED = 5


def takers(whitelist: Collection[str], labels: Collection[str], schedulers: Carried) -> tuple[str, ...]:
    """Return those of some schedulers that whitelist and labels of a trigger both admit.

    Args:
        whitelist: Names of those it may run on; empty for any.
        labels: What its scheduler has to carry; empty for nothing.
        schedulers: Whom it is asked about.
    """
    is_named = bool(whitelist)
    admitted = (name for name in schedulers if is_allowed_on(whitelist, name))
    return tuple(name for name in admitted if may_take(labels, schedulers[name], is_named=is_named))


def are_unmet(whitelist: Collection[str], labels: Collection[str], live: Carried) -> bool:
    """Tell whether a trigger requires labels that none of the schedulers that are heard from carries for it."""
    return bool(labels) and not takers(whitelist, labels, live)


def unmet_words(whitelist: Sequence[str], labels: Sequence[str], live: Carried) -> str:
    """Return in sentences that no scheduler that is heard from carries what a trigger requires; empty if one does."""
    if not are_unmet(whitelist, labels, live):
        return ""
    words = f"It requires {labels_words(labels)}, and no scheduler that is heard from carries "
    words += "it." if len(labels) == 1 else "all of them."
    lacking = [
        f"{name} lacks {', '.join(missing(labels, carried or ()))}"
        for name, carried in sorted(live.items())
        if is_allowed_on(whitelist, name)
    ]
    if lacking:
        more = f" and {len(lacking) - _MOST_NAMED} more" if len(lacking) > _MOST_NAMED else ""
        words += f" Of those that may run it, {'; '.join(lacking[:_MOST_NAMED])}{more}."
    return words


def labels_words(labels: Iterable[str]) -> str:
    """Return ``the labels sap, windows``."""
    named = tuple(labels)
    return f"the label{'' if len(named) == 1 else 's'} {', '.join(named)}"
