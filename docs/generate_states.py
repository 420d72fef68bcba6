"""Writes the state diagrams and tables of ``docs/reference/states.md`` from the event tables in the code.

Run ``python docs/generate_states.py`` to compare, with ``--write`` to bring the document up to date. A test compares.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from OpenOrchestrator.database.transitions import ELEMENT_EVENTS, JOB_EVENTS, TRIGGER_EVENTS, diagram

DOCUMENT = Path(__file__).resolve().parent / "reference" / "states.md"
EVENT_TABLES: dict[str, Mapping[Any, Mapping[Any, Any]]] = {
    "triggers": TRIGGER_EVENTS,
    "jobs": JOB_EVENTS,
    "elements": ELEMENT_EVENTS,
}


def generated(events: Mapping[Any, Mapping[Any, Any]]) -> str:
    """Return the diagram of an event table, and the same as a table for those who cannot see it."""
    lines = ["```mermaid", diagram(events).rstrip("\n"), "```", "", "| Event | From | To |", "|---|---|---|"]
    for event, moves in events.items():
        by_target: dict[Any, list[str]] = {}
        for source in type(next(iter(moves))):
            if source in moves:
                by_target.setdefault(moves[source], []).append(source.value)
        for target, sources in by_target.items():
            everything = len(sources) == len(type(target))
            lines.append(f"| {event.value} | {'any' if everything else ', '.join(sources)} | {target.value} |")
    return "\n".join(lines)


def with_generated_parts(text: str) -> str:
    """Return the document with the parts between its marks made anew."""
    for name, events in EVENT_TABLES.items():
        begin, end = f"<!-- generated: {name} -->", "<!-- end -->"
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        content = f"{begin}\n{generated(events)}\n{end}"
        text, count = pattern.subn(lambda _, content=content: content, text)
        if count != 1:
            raise SystemExit(f"{DOCUMENT} has {count} parts marked {begin} instead of one.")
    return text


def main() -> None:
    """Compare, or write with ``--write``."""
    old = DOCUMENT.read_text(encoding="utf-8")
    new = with_generated_parts(old)
    if new == old:
        print(f"{DOCUMENT} is up to date.")
    elif "--write" in sys.argv[1:]:
        DOCUMENT.write_text(new, encoding="utf-8")
        print(f"{DOCUMENT} was written.")
    else:
        raise SystemExit(f"{DOCUMENT} differs from the code: run python docs/generate_states.py --write")


if __name__ == "__main__":
    main()
