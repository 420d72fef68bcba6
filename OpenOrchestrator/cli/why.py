"""The command ``why``: says why a trigger is not running."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from OpenOrchestrator.cli.scheduler import ConnectionString

if TYPE_CHECKING:
    from OpenOrchestrator.database.lifecycle.waiting_facts import Explanation


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("why")(why)


def why(
    trigger_name: Annotated[str, typer.Argument(metavar="TRIGGER", help="Name or id of the trigger.")],
    connection_string: ConnectionString = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each trigger of that name.")
    ] = False,
) -> None:
    """Say why a trigger is not running now. Changes nothing.

    That is: not due and until when, paused by whom, running already, its queue too short, or for each scheduler that
    may run it: not heard from, all slots taken and by which jobs, something there that has to be alone. Of a trigger
    that runs and may have more jobs: why there is not one more.

    \b
    Examples:
      openorchestrator why "Send invoices"
      openorchestrator why "Send invoices" --json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.common.settings import load_settings  # noqa: PLC0415
    from OpenOrchestrator.database.engine.database import Database  # noqa: PLC0415
    from OpenOrchestrator.database.lifecycle.waiting_facts import explain  # noqa: PLC0415
    from OpenOrchestrator.database.schema.revisions import check_exact  # noqa: PLC0415

    settings = load_settings(connection_string=connection_string)
    database = Database(settings.require_connection_string(), pool_size=1, patience_seconds=5)
    try:
        check_exact(database)
        found = explain(database, trigger_name)
    finally:
        database.close()
    for explanation in found:
        if as_json:
            typer.echo(_as_json(explanation))
        else:
            _show(explanation)


def _show(explanation: Explanation) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from OpenOrchestrator.common.visible import visible_line  # noqa: PLC0415

    console = Console(file=sys.stdout, highlight=False)
    console.print(Text(visible_line(f"{explanation.name} ({explanation.status})"), style="bold"))
    by_scheduler = any(reason.scheduler for reason in explanation.reasons)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for reason in explanation.reasons:
        cells = [visible_line(reason.scheduler or "")] if by_scheduler else []
        table.add_row(*(Text(cell) for cell in (*cells, visible_line(reason.words))))
    console.print(table)


def _as_json(explanation: Explanation) -> str:
    import json  # noqa: PLC0415

    return json.dumps(
        {
            "trigger": explanation.name,
            "id": None if explanation.trigger_id is None else str(explanation.trigger_id),
            "status": explanation.status,
            "reasons": [
                {
                    "cause": reason.cause.value,
                    "words": reason.words,
                    "until": None if reason.until is None else reason.until.isoformat(),
                    "scheduler": reason.scheduler,
                }
                for reason in explanation.reasons
            ],
        },
        ensure_ascii=False,
    )
