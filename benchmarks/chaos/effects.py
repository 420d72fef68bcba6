"""What the robots did, as they noted it themselves: reads their files."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Note:
    """One line of a robot.

    Attributes:
        kind: begin, end, crash, error, stopped; took, effect, accepted, refused, unknown, unfinished (of an element);
            making, made, logging, logged.
        at: Seconds since the epoch.
        facts: What else it says: element, token, reference, message, error.
        process: Name of the file, one for each robot process.
    """

    kind: str
    at: float
    trigger: str
    job: str
    facts: dict[str, Any]
    process: str

    def __str__(self) -> str:
        """Return it as evidence."""
        told = " ".join(f"{name}={value}" for name, value in self.facts.items() if name not in ("element", "lines"))
        return f"{self.at:.3f} {self.kind} job={self.job} {told}".rstrip()


@dataclass(slots=True)
class Effects:
    """The notes of all robots, in order of time.

    Attributes:
        by_element: Notes about each element.
        by_job: Notes of each job.
    """

    notes: list[Note]
    by_element: dict[str, list[Note]] = field(init=False)
    by_job: dict[str, list[Note]] = field(init=False)

    def __post_init__(self) -> None:
        self.notes.sort(key=lambda note: note.at)
        self.by_element = _grouped((note.facts["element"], note) for note in self.notes if "element" in note.facts)
        self.by_job = _grouped((note.job, note) for note in self.notes)

    def of_kind(self, *kinds: str) -> list[Note]:
        """Return the notes of these kinds."""
        return [note for note in self.notes if note.kind in kinds]


def read_effects(folder: Path) -> Effects:
    """Read all files of a folder; the half line of a robot that was killed while writing is passed over."""
    notes = []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                content = json.loads(line)
            except ValueError:
                continue
            kind, at, trigger, job = (content.pop(name) for name in ("kind", "at", "trigger", "job"))
            notes.append(Note(kind, at, trigger, job, content, path.name))
    return Effects(notes)


def _grouped(pairs: Iterable[tuple[str, Note]]) -> dict[str, list[Note]]:
    found: dict[str, list[Note]] = defaultdict(list)
    for key, note in pairs:
        found[key].append(note)
    return dict(found)
