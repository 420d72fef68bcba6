"""Prints what was measured: a table on a terminal, JSON for other programs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Attributes:
        benchmark: What was done.
        database: Kind of database, or "-".
        what: Name of the figure, with its unit.
        ours: The figure of OpenOrchestrator.
        beside: The figure of what it is compared with, if anything.
        beside_what: What it is compared with.
        note: Anything that must hold too, such as the number of duplicates.
        limit: What it must not be over, if anything.
    """

    benchmark: str
    database: str
    what: str
    ours: float
    beside: float | None = None
    beside_what: str = ""
    note: str = ""
    limit: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether it is over its limit."""
        return self.limit is not None and self.ours > self.limit

    @property
    def ratio(self) -> float | None:
        """Ours divided by the other."""
        return self.ours / self.beside if self.beside else None


def judged(figure: Figure, limit: float) -> Figure:
    """Return a figure with its limit in the note, and whether it is over that."""
    words = f"{'OVER the limit' if figure.ours > limit else 'limit'} {limit:,.0f}"
    return replace(figure, note=f"{words}; {figure.note}" if figure.note else words, limit=limit)


def median(values: Sequence[float]) -> float:
    """Return the median of measured values."""
    return statistics.median(values)


def print_figures(figures: Sequence[Figure], *, as_json: bool) -> None:
    """Print all figures."""
    if as_json:
        print(json.dumps([{**asdict(figure), "ratio": figure.ratio} for figure in figures], indent=2))
        return
    table = Table(title="OpenOrchestrator benchmarks")
    for heading in ("Benchmark", "Database", "Figure"):
        table.add_column(heading)
    for heading in ("Ours", "Beside", "Ratio"):
        table.add_column(heading, justify="right")
    table.add_column("Compared with")
    table.add_column("Note")
    for figure in figures:
        table.add_row(
            figure.benchmark,
            figure.database,
            figure.what,
            f"{figure.ours:,.4g}",
            "" if figure.beside is None else f"{figure.beside:,.4g}",
            "" if figure.ratio is None else f"{figure.ratio:.2f}",
            figure.beside_what,
            figure.note,
        )
    Console(width=None if Console().is_terminal else 160).print(table)
