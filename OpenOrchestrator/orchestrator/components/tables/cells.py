"""What a cell of a table can hold, as plain data for the browser: words, never markup."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Any

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.vocabulary import Look

Cell = dict[str, Any]
"""Short keys, because every row of every refresh carries them: t text, s second line, n second line on phones,
i icon, tip tooltip, f tone, h link, m mono, b strong, g tags, x action, p pill, r strip, k stacked bar."""

NOTHING = "\u2013"
"""Shown where there is no value."""


def text(
    value: str | None,
    *,
    second: str | None = None,
    phone: str | None = None,
    tip: str | None = None,
    tone: str | None = None,
    href: str | None = None,
    icon: str | None = None,
    mono: bool = False,
    strong: bool = False,
    tags: Iterable[str] = (),
    action: tuple[str, str] | None = None,
) -> Cell:
    """Return a cell of words.

    Args:
        value: What it says; None shows nothing.
        second: A quieter second line.
        phone: A second line on phones, in the place of the other: what columns tell that are not shown there.
        tip: Tooltip.
        tone: ``t2`` or ``t3`` for quieter text, or the name of a state's colours.
        href: Path within the app that it links to.
        icon: Shown before the words, or alone.
        mono: In the fixed-width font.
        strong: Heavier.
        tags: Shown as chips behind the second line, which may be an empty text.
        action: Name of one of the row's actions, and the words of a button for it behind the text.
    """
    cell: Cell = {"t": value, "s": second, "n": phone, "tip": tip, "f": tone, "h": href, "i": icon}
    cell["m"] = mono or None
    cell["b"] = strong or None
    cell["g"] = list(tags) or None
    cell["x"] = list(action) if action else None
    return {key: part for key, part in cell.items() if part is not None}


def pill(look: Look, *, quiet: bool | None = None, after: Cell | None = None) -> Cell:
    """Return a state, with further words behind it where given."""
    plain = look.quiet if quiet is None else quiet
    shown = {"w": look.word, "c": look.tone, "i": look.icon, "q": plain or None, "a": look.turns or None}
    return {"p": {key: part for key, part in shown.items() if part is not None}, **(after or {})}


def moment(instant: datetime | None, now: datetime, zone: tzinfo, *, empty: str = "", tone: str | None = "t3") -> Cell:
    """Return when something happened, relative, with the full time and zone as tooltip."""
    if instant is None:
        return text(empty, tone="t3")
    return text(times.past(instant, now, zone), tip=times.absolute(instant, zone), tone=tone)


def upcoming(instant: datetime | None, now: datetime, zone: tzinfo, *, empty: str = "") -> Cell:
    """Return when something will happen, relative, with the full time and zone as tooltip."""
    if instant is None:
        return text(empty, tone="t3")
    return text(times.future(instant, now), tip=times.absolute(instant, zone))


def count(value: int, *, tone: str | None = None, href: str | None = None) -> Cell:
    """Return a number; nought is quiet."""
    return text(times.number(value), tone=tone if value else "t3", href=href if value else None)


def strip(looks: Iterable[Look], *, slots: int = 14, tip: str | None = None) -> Cell:
    """Return the last runs as ticks, the newest last; missing ones are drawn as no run."""
    tones = [look.tone for look in looks][-slots:]
    cell: Cell = {"r": ["none"] * (slots - len(tones)) + tones}
    if tip:
        cell["tip"] = tip
    return cell


def stack(parts: Iterable[tuple[str, int]], *, tip: str | None = None) -> Cell:
    """Return a stacked bar of (tone, amount); amounts of nought are left out."""
    cell: Cell = {"k": [[tone, amount] for tone, amount in parts if amount > 0]}
    if tip:
        cell["tip"] = tip
    return cell
