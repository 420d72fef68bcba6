"""What the commands share that delete what is too old: showing it, asking, and deleting it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from OpenOrchestrator.cli.site_database import say, say_json
from OpenOrchestrator.cli.terminal import can_ask, is_terminal
from OpenOrchestrator.cli.text_table import print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from OpenOrchestrator.database.engine.database import Database
    from OpenOrchestrator.database.lifecycle.retention import TooOld
    from OpenOrchestrator.database.lifecycle.retention_rules import Portion

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be deleted, and delete nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def purge(
    database: Database, wanted: Sequence[Portion], *, dry_run: bool, yes: bool, as_json: bool, with_leftovers: bool
) -> None:
    """Show what is too old, and delete it unless this is a dry run.

    Args:
        database: The database.
        wanted: What is too old.
        dry_run: Whether to delete nothing.
        yes: Whether not to ask.
        as_json: Whether to print one JSON object.
        with_leftovers: Whether to delete files that belong to nothing as well.

    Raises:
        ConfigurationError: If nobody agrees, or can be asked.
        DatabaseError: If the database cannot be used; what was deleted is gone.
    """
    from OpenOrchestrator.common.errors import ConfigurationError  # noqa: PLC0415
    from OpenOrchestrator.database.lifecycle.retention import look  # noqa: PLC0415

    found = look(database, wanted)
    total = sum(each.number for each in found)
    if not as_json:
        _show(found)
    if total and not dry_run and not yes:
        if not can_ask():
            raise ConfigurationError("Nothing was deleted, because nobody can be asked here. To go ahead, add --yes.")
        if not typer.confirm("Delete this for ever?", err=as_json):
            raise ConfigurationError("Nothing was deleted.")
    counts: dict[Portion, int] = {}
    leftovers = 0
    if not dry_run:
        counts, leftovers = _delete(database, wanted, total, with_leftovers=with_leftovers)
    if as_json:
        say_json(dry_run=dry_run, found=[_values(each, counts) for each in found], leftover_files=leftovers)
    elif not dry_run:
        more = f" Leftover files: {leftovers}." if leftovers else ""
        say(f"Deleted: {sum(counts.values())}.{more}")


def _delete(
    database: Database, wanted: Sequence[Portion], total: int, *, with_leftovers: bool
) -> tuple[dict[Portion, int], int]:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    from OpenOrchestrator.database.lifecycle.retention import Sweep  # noqa: PLC0415

    def rest(seconds: float) -> bool:
        time.sleep(seconds)
        return False

    with Progress(console=Console(file=sys.stderr), disable=not is_terminal(sys.stderr), transient=True) as progress:
        task = progress.add_task("Purge", total=total)
        sweep = Sweep(database, rest=rest, on_deleted=lambda _portion, number: progress.advance(task, number))
        leftovers = sweep.clear_up() if with_leftovers else 0
        return sweep.delete(wanted), leftovers


def _show(found: Sequence[TooOld]) -> None:
    rows = [
        (
            each.portion.kept.value,
            each.portion.queue or "",
            "" if each.portion.status is None else each.portion.status.value,
            f"{each.portion.before:%Y-%m-%d %H:%M}",
            "" if each.oldest is None else f"{each.oldest:%Y-%m-%d %H:%M}",
            str(each.number),
        )
        for each in found
    ]
    print_table(("What", "Queue", "Status", "Before", "Oldest", "Number"), rows, numbers=1)


def _values(each: TooOld, counts: dict[Portion, int]) -> dict[str, Any]:
    portion = each.portion
    return {
        "kept": portion.kept.name.lower(),
        "queue": portion.queue,
        "status": None if portion.status is None else portion.status.name,
        "before": portion.before.isoformat(),
        "oldest": None if each.oldest is None else each.oldest.isoformat(),
        "number": each.number,
        "deleted": counts.get(portion, 0),
    }
