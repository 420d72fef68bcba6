"""A table on standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from OpenOrchestrator.cli.terminal import is_terminal

_WIDE = 200


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 0) -> None:
    """Print a table; its last columns are numbers."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from OpenOrchestrator.common.visible import visible_line  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="dim")
    for place, head in enumerate(heads):
        is_number = place >= len(heads) - numbers
        table.add_column(head, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible_line(cell)) for cell in row))
    width = None if is_terminal(sys.stdout) else _WIDE
    Console(file=sys.stdout, highlight=False, width=width).print(table)
